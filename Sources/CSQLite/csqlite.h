// SQLite as Swift sees it. The functions here stand for what Swift cannot import: a variadic call, a macro that casts.
#ifndef AGENTID_CSQLITE_H
#define AGENTID_CSQLITE_H
#include <sqlite3.h>
#include <stddef.h>

/* No SQL of a tampered file gets at the file format. */
static inline int csqlite_defend(sqlite3 *database) {
    return sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)0);
}

/* The last connection to close leaves the log as it is. */
static inline int csqlite_keep_log(sqlite3 *database) {
    return sqlite3_db_config(database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)0);
}

/* Binds copies: nothing of the caller's is looked at later. */
static inline int csqlite_bind_text(sqlite3_stmt *statement, int index, const char *text, size_t length) {
    return sqlite3_bind_text64(statement, index, text, length, SQLITE_TRANSIENT, SQLITE_UTF8);
}

static inline int csqlite_bind_blob(sqlite3_stmt *statement, int index, const void *bytes, size_t length) {
    return sqlite3_bind_blob64(statement, index, bytes, length, SQLITE_TRANSIENT);
}

/* Makes what stands in the database's file durable; by SQLite's own descriptor, for to close another drops its locks. */
static inline int csqlite_sync(sqlite3 *database) {
    sqlite3_file *file = NULL;
    const int status = sqlite3_file_control(database, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (status != SQLITE_OK) return status;
    if (file == NULL || file->pMethods == NULL) return SQLITE_NOTFOUND;
    return file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
}

#endif
