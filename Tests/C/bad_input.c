/* Bad input through the header: a status and an error that names the parameter, never a crash. */
#include <agentid.h>
#include <agentid_lifecycle.h>
#include <agentid_operations.h>
#include <agentid_policy.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int passed, failures;

static void expect(int holds, const char *what) {
    if (holds) {
        passed++;
    } else {
        failures++;
        printf("failed: %s\n", what);
    }
}

/* A status that must come with an error whose place names the parameter. */
static void check_refusal(agentid_status status, agentid_status expected, agentid_error *error, const char *where, const char *what) {
    expect(status == expected && error != NULL && agentid_error_code(error) == expected &&
               strcmp(agentid_error_where(error), where) == 0 && agentid_error_message(error)[0] != 0,
           what);
    if (status != expected || (error != NULL && strcmp(agentid_error_where(error), where) != 0))
        printf("  %s at '%s'\n", agentid_status_name(status), error ? agentid_error_where(error) : "-");
    agentid_error_free(error);
    agentid_error_free(error);
}

/* The call first, then the error it left: arguments have no order of evaluation in C. */
#define refused(call, expected, error, where, what)                       \
    do {                                                                  \
        agentid_status status_ = (call);                                  \
        check_refusal(status_, expected, error, where, what);             \
    } while (0)

static agentid_guard *made_up(uint64_t bits) { return (agentid_guard *)(uintptr_t)bits; }

static agentid_agent *asking;
static _Thread_local int depth, deepest;

/* A clock that calls what needs the time. */
static int32_t asks_again(int64_t *milliseconds, void *user_data) {
    (void)user_data;
    if (++depth > deepest) deepest = depth;
    agentid_status ignored = asking == NULL ? AGENTID_OK : agentid_agent_authorize_z(asking, "search", "{}", NULL, NULL);
    (void)ignored;
    depth--;
    *milliseconds = (int64_t)time(NULL) * 1000;
    return AGENTID_CALLBACK_OK;
}

static void misused(void) {
    agentid_authority *authority = NULL;
    agentid_authority_options options = AGENTID_AUTHORITY_OPTIONS_INIT;
    agentid_clock clock = AGENTID_CLOCK_INIT;
    clock.now = asks_again;
    options.trust_domain = "acme.example";
    options.clock = &clock;
    agentid_profile_options profile = AGENTID_PROFILE_OPTIONS_INIT;
    profile.owner = "team:x@acme.example";
    profile.ceiling = "search";
    agentid_agent_options task = AGENTID_AGENT_OPTIONS_INIT;
    task.principal = "user:a@acme.example";
    task.task = "t";
    task.scope = "search";
    agentid_agent *agent = NULL;
    expect(agentid_authority_open("", 0, &options, &authority, NULL) == AGENTID_OK, "authority with a clock");
    expect(agentid_authority_put_profile(authority, AGENTID_TEXT("researcher"), &profile, NULL) == AGENTID_OK, "profile");
    expect(agentid_authority_start_agent(authority, AGENTID_TEXT("researcher"), &task, &agent, NULL) == AGENTID_OK, "agent");
    asking = agent;
    expect(agentid_agent_authorize_z(agent, "search", "{}", NULL, NULL) == AGENTID_OK, "a clock that calls the library tells the time");
    expect(deepest == 3, "and is asked within itself three times at most");
    asking = NULL;

    agentid_error *error = NULL;
    agentid_decision *decision = (agentid_decision *)made_up(7);
    agentid_call *call = NULL;
    refused(agentid_call_begin(agent, AGENTID_TEXT("search"), AGENTID_TEXT("{}"), -1, &decision, &call, &error), AGENTID_E_ARGUMENT, error,
            "within", "a call that would have ended before it began");
    expect(decision == NULL && call == NULL, "and nothing was decided");
    agentid_agent_close(agent);
    agentid_authority_close(authority);
}

/* A length that is garbage: no more is read than what an entry of the log has of such a name. */
static void lies_about_lengths(void) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    agentid_guard *guard = NULL;
    agentid_guard_options options = AGENTID_GUARD_OPTIONS_INIT;
    options.audience = "g";
    expect(pages != MAP_FAILED && mprotect(pages + page, page, PROT_NONE) == 0, "a page that cannot be read");
    memset(pages, 't', page);
    expect(agentid_guard_open(&options, &guard, NULL) == AGENTID_OK, "a guard");
    const size_t lengths[] = {(1 << 20) + 1, 1 << 24, (size_t)1 << 40, SIZE_MAX >> 1};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        agentid_decision *decision = NULL;
        expect(agentid_guard_authorize(guard, AGENTID_TEXT("c"), AGENTID_TEXT("p"), pages, lengths[i], AGENTID_TEXT("{}"), &decision, NULL) ==
                   AGENTID_DENIED,
               "a tool's name of a garbage length");
        agentid_decision_free(decision);
    }
    agentid_guard_close(guard);
    munmap(pages, 2 * page);
}

static int let_go_of;

static void let_go(void *user_data) {
    (void)user_data;
    let_go_of++;
}

static int32_t unused_run(const char *event, size_t event_len, void *user_data) {
    (void)event, (void)event_len, (void)user_data;
    return AGENTID_CALLBACK_FAILED;
}

static int32_t unused_acquire(const char *request, size_t request_len, char *secret, size_t capacity, size_t *secret_len,
                              void *user_data) {
    (void)request, (void)request_len, (void)secret, (void)capacity, (void)secret_len, (void)user_data;
    return AGENTID_CALLBACK_FAILED;
}

static int32_t unused_decide(const char *request, size_t request_len, void *user_data) {
    (void)request, (void)request_len, (void)user_data;
    return AGENTID_APPROVAL_LEAVE;
}

static int32_t unused_sign(const uint8_t *message, size_t message_len, uint8_t signature[64], void *user_data) {
    (void)message, (void)message_len, (void)signature, (void)user_data;
    return AGENTID_CALLBACK_FAILED;
}

/* Whatever a call refuses, it has let go once of what it was given to call. */
#define let_go_by(call, times)                                                              \
    do {                                                                                    \
        let_go_of = 0;                                                                      \
        agentid_status status_ = (call);                                                    \
        expect(status_ != AGENTID_OK && let_go_of == (times), #call);                       \
        if (let_go_of != (times)) printf("  %s, %d\n", agentid_status_name(status_), let_go_of); \
    } while (0)

static void what_was_refused_is_let_go_of(agentid_authority *authority) {
    static const uint8_t zeros[32];
    const char *wrong = "\xff";
    agentid_clock clock = {sizeof clock, asks_again, let_go, NULL};
    agentid_signer signer = {sizeof signer, unused_sign, zeros, let_go, NULL};
    agentid_authority_options options = AGENTID_AUTHORITY_OPTIONS_INIT;
    options.clock = &clock;
    options.signer = &signer;
    options.trust_domain = "acme.example";
    agentid_authority *opened = NULL;
    let_go_by(agentid_authority_open("", 0, &options, NULL, NULL), 2);
    let_go_by(agentid_authority_open(wrong, 1, &options, &opened, NULL), 2);
    options.lease_duration = -1;
    let_go_by(agentid_authority_open("", 0, &options, &opened, NULL), 2);
    signer.sign = NULL;
    clock.now = NULL;
    let_go_by(agentid_authority_open("", 0, &options, &opened, NULL), 2);
    clock.struct_size = 1;
    let_go_by(agentid_authority_open("", 0, &options, &opened, NULL), 1);
    clock.struct_size = sizeof clock;
    clock.now = asks_again;

    agentid_guard_options guards = AGENTID_GUARD_OPTIONS_INIT;
    guards.clock = &clock;
    agentid_guard *guard = NULL;
    let_go_by(agentid_guard_open(&guards, NULL, NULL), 1);
    let_go_by(agentid_guard_open(&guards, &guard, NULL), 1);
    guards.audience = wrong;
    let_go_by(agentid_guard_open(&guards, &guard, NULL), 1);
    let_go_by(agentid_authority_guard(NULL, &guards, &guard, NULL), 1);
    guards.audience = "here";
    let_go_by(agentid_authority_guard(NULL, &guards, &guard, NULL), 1);
    let_go_by(agentid_guard_open_directory(wrong, 1, &guards, &guard, NULL), 1);

    agentid_open_agent_options agents = AGENTID_OPEN_AGENT_OPTIONS_INIT;
    agents.clock = &clock;
    agentid_agent *agent = NULL;
    let_go_by(agentid_agent_open(&agents, NULL, NULL), 1);
    let_go_by(agentid_agent_open(&agents, &agent, NULL), 1);
    agents.key = "{}";
    let_go_by(agentid_agent_open(&agents, &agent, NULL), 1);

    agentid_hook hook = {sizeof hook, NULL, unused_run, NULL, 0, 0, let_go, NULL};
    let_go_by(agentid_hook_add(NULL, AGENTID_TEXT("h"), &hook, NULL), 1);
    let_go_by(agentid_hook_add(authority, wrong, 1, &hook, NULL), 1);
    let_go_by(agentid_hook_add(authority, AGENTID_TEXT("a b"), &hook, NULL), 1);
    hook.run = NULL;
    let_go_by(agentid_hook_add(authority, AGENTID_TEXT("h"), &hook, NULL), 1);

    agentid_provider provider = {sizeof provider, unused_acquire, unused_run, NULL, let_go, NULL, NULL};
    let_go_by(agentid_broker_add_provider(NULL, AGENTID_TEXT("p"), &provider, NULL), 1);
    let_go_by(agentid_broker_add_provider(authority, wrong, 1, &provider, NULL), 1);
    let_go_by(agentid_guard_add_provider(NULL, AGENTID_TEXT("p"), &provider, NULL), 1);
    provider.acquire = NULL;
    let_go_by(agentid_broker_add_provider(authority, AGENTID_TEXT("p"), &provider, NULL), 1);

    let_go_by(agentid_approval_callback(NULL, AGENTID_TEXT("user:a@acme.example"), AGENTID_TEXT("{}"), unused_decide, NULL, let_go, NULL), 1);
    let_go_by(agentid_approval_callback(authority, wrong, 1, AGENTID_TEXT("{}"), NULL, NULL, let_go, NULL), 1);
    let_go_by(agentid_set_log(0, NULL, let_go, NULL, NULL), 1);
}

int main(void) {
    agentid_error *error = NULL;
    agentid_bytes bytes;
    agentid_authority *authority = NULL;
    agentid_authority_options options = AGENTID_AUTHORITY_OPTIONS_INIT;

    refused(agentid_authority_open("", 0, NULL, &authority, &error), AGENTID_E_ARGUMENT, error, "options", "options NULL");
    refused(agentid_authority_open("", 0, &options, NULL, &error), AGENTID_E_ARGUMENT, error, "authority", "output NULL");
    refused(agentid_authority_open(NULL, 5, &options, &authority, &error), AGENTID_E_ARGUMENT, error, "directory", "text NULL");
    refused(agentid_authority_open("\xff", 1, &options, &authority, &error), AGENTID_E_MALFORMED, error, "directory", "no UTF-8");
    refused(agentid_authority_open("", 0, &options, &authority, &error), AGENTID_E_ARGUMENT, error, "options.trust_domain", "no trust domain");
    options.trust_domain = "Not A Domain";
    refused(agentid_authority_open("", 0, &options, &authority, &error), AGENTID_E_MALFORMED, error, "options.trust_domain", "bad trust domain");
    options.trust_domain = "acme.example";
    for (size_t size = 0; size < sizeof options; size += 7) {
        options.struct_size = size;
        refused(agentid_authority_open("", 0, &options, &authority, &error), AGENTID_E_ARGUMENT, error, "options.struct_size", "struct_size");
    }
    options.struct_size = sizeof options - 4;
    refused(agentid_authority_open("", 0, &options, &authority, &error), AGENTID_E_ARGUMENT, error, "options.struct_size", "half a member");
    options.struct_size = sizeof options;
    agentid_clock clock = AGENTID_CLOCK_INIT;
    clock.struct_size = 1;
    options.clock = &clock;
    refused(agentid_authority_open("", 0, &options, &authority, &error), AGENTID_E_ARGUMENT, error, "options.clock.struct_size", "a clock's size");
    options.clock = NULL;
    agentid_signer signer = AGENTID_SIGNER_INIT;
    signer.struct_size = 1;
    options.signer = &signer;
    refused(agentid_authority_open("", 0, &options, &authority, &error), AGENTID_E_ARGUMENT, error, "options.signer.struct_size", "a signer's size");
    options.signer = NULL;
    expect(agentid_authority_open("", 0, &options, &authority, NULL) == AGENTID_OK, "open");
    agentid_hook hook = AGENTID_HOOK_INIT;
    hook.struct_size = 1;
    refused(agentid_hook_add(authority, "h", 1, &hook, &error), AGENTID_E_ARGUMENT, error, "hook.struct_size", "a hook's size");
    agentid_provider provider = AGENTID_PROVIDER_INIT;
    provider.struct_size = sizeof provider - 4; /* half of `resources` */
    refused(agentid_broker_add_provider(authority, "p", 1, &provider, &error), AGENTID_E_ARGUMENT, error, "provider.struct_size", "a provider's size");
    agentid_agent_filter filter = AGENTID_AGENT_FILTER_INIT;
    filter.struct_size = 1;
    refused(agentid_authority_agents(authority, &filter, &bytes, &error), AGENTID_E_ARGUMENT, error, "filter.struct_size", "a filter's size");
    agentid_guard_options ranges = AGENTID_GUARD_OPTIONS_INIT;
    agentid_guard *ranged = NULL;
    ranges.audience = "files";
    ranges.proof_window = -1;
    expect(agentid_guard_open(&ranges, &ranged, &error) == AGENTID_E_ARGUMENT && strstr(agentid_error_message(error), "1 to 60") != NULL,
           "a range that is not kept is said");
    agentid_error_free(error);
    ranges.proof_window = 0, ranges.max_depth = INT32_MIN;
    expect(agentid_guard_open(&ranges, &ranged, &error) == AGENTID_E_ARGUMENT && strstr(agentid_error_message(error), "64") != NULL,
           "so is a depth's");
    agentid_error_free(error);
    error = NULL;

    refused(agentid_authority_bundle(authority, NULL, &error), AGENTID_E_ARGUMENT, error, "bundle", "bytes NULL");
    refused(agentid_authority_bundle(NULL, &bytes, &error), AGENTID_E_HANDLE, error, "authority", "NULL handle");
    expect(agentid_authority_bundle(authority, &bytes, NULL) == AGENTID_OK && bytes.len > 0, "bundle");
    agentid_bytes copy = bytes;
    agentid_bytes_free(&bytes);
    agentid_bytes_free(&copy);
    agentid_bytes_free(&copy);

    uint64_t random = 88172645463325252ULL;
    for (int i = 0; i < 100000; i++) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        agentid_guard *wild = made_up(i & 1 ? random : (uint64_t)(5 + i % 5) << 56 | (random & 0xFF));
        if (agentid_guard_authorize_z(wild, "x", "y", "z", "{}", NULL, NULL) != AGENTID_E_HANDLE) failures++;
        agentid_guard_close(wild);
        agentid_error_free((agentid_error *)wild);
        agentid_decision_free((agentid_decision *)wild);
    }
    refused(agentid_authority_publish_key((agentid_authority *)made_up(7), &error), AGENTID_E_HANDLE, error, "authority", "made up");

    agentid_scope *scope = NULL;
    refused(agentid_scope_parse("read(", 5, &scope, &error), AGENTID_E_SCOPE, error, "text", "scope cut off");
    expect(scope == NULL, "scope output cleared");
    expect(agentid_scope_parse("t(x >= 1)", 9, &scope, NULL) == AGENTID_OK, "scope");
    refused(agentid_scope_permits(scope, "t", 1, "{\"x\":", 5, &error), AGENTID_E_MALFORMED, error, "arguments", "arguments cut off");
    refused(agentid_scope_permits(scope, "t", 1, "{\"x\":0}", 7, &error), AGENTID_DENIED, error, "arguments.x", "denied");
    refused(agentid_scope_permits((agentid_scope *)authority, "t", 1, "{}", 2, &error), AGENTID_E_HANDLE, error, "scope", "other type");
    agentid_scope_free(scope);
    agentid_scope_free(scope);
    refused(agentid_scope_text(scope, &bytes, &error), AGENTID_E_HANDLE, error, "scope", "closed");

    agentid_guard *guard = NULL;
    agentid_guard_options guard_options = AGENTID_GUARD_OPTIONS_INIT;
    refused(agentid_guard_open(&guard_options, &guard, &error), AGENTID_E_ARGUMENT, error, "options.audience", "name");
    guard_options.audience = "here";
    guard_options.proof_window = 61;
    refused(agentid_guard_open(&guard_options, &guard, &error), AGENTID_E_ARGUMENT, error, "options.proof_window", "window");
    guard_options.proof_window = 0;
    expect(agentid_guard_open(&guard_options, &guard, NULL) == AGENTID_OK, "guard");
    agentid_decision *decision = NULL;
    const char *garbage[] = {"", "~", "a.b.c", "....", "~~~~", "eyJhbGciOiJub25lIn0.e30.", "\x01\x02", NULL};
    for (int i = 0; garbage[i]; i++) {
        expect(agentid_guard_authorize_z(guard, garbage[i], garbage[i], "t", "{}", &decision, NULL) == AGENTID_DENIED, garbage[i]);
        expect(!agentid_decision_permitted(decision) && agentid_decision_reason(decision)[0] != 0, "garbage has a reason");
        agentid_decision_free(decision);
    }

    misused();
    what_was_refused_is_let_go_of(authority);
    lies_about_lengths();
    pid_t child = fork();
    if (child == 0) {
        agentid_authority_close(authority);
        int64_t expires = 7;
        int32_t state = 7;
        if (agentid_agent_expires(NULL, &expires, NULL) != AGENTID_E_FORKED || expires != 0) _exit(1);
        if (agentid_approval_wait(authority, "x", 1, 0, &state, NULL) != AGENTID_E_FORKED || state != 0) _exit(1);
        // valgrind calls lost what only the threads of the parent held: a child that goes on as another program has no leaks.
        if (agentid_guard_statistics(guard, &bytes, NULL) == AGENTID_E_FORKED) execl("/bin/true", "true", (char *)NULL);
        _exit(1);
    }
    int status = 1;
    waitpid(child, &status, 0);
    expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "forked child");
    expect(agentid_guard_statistics(guard, &bytes, NULL) == AGENTID_OK, "parent goes on");
    agentid_bytes_free(&bytes);

    agentid_guard_close(guard);
    agentid_guard_close(guard);
    agentid_authority_close(authority);
    agentid_authority_close(authority);
    printf("bad_input: %d passed, %d failed\n", passed, failures);
    return failures != 0;
}
