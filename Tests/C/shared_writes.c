/*
 * Two threads decide, one after the other, each for agents of its own: what either writes that the other touches would be a
 * cache line that travels between cores. shared_writes.py runs this under valgrind's lackey and finds such lines.
 */
#include "expect.h"
#include <dlfcn.h>
#include <pthread.h>
#include <unistd.h>

enum { CALLS = 64 };

/* Both agents have the same scope, of which the library keeps one. */
#define SCOPE "read_file(path under '/data/q3', mode in ['r', 'rw'], lines >= 0 <= 100, note like 'a*b', more?: not in [1])"
#define CALL "{\"path\":\"/data/q3/a.csv\",\"mode\":\"rw\",\"lines\":7,\"note\":\"a to b\",\"more\":2}"

/* Each on a line of its own: a store to one says in the trace where the program is. */
typedef struct { volatile char here[64]; } mark;
static mark marks[4] __attribute__((aligned(64)));

static agentid_authority *acme;
static agentid_agent *agents[2];
static pthread_barrier_t turn;

static void decide(int who, int calls)
{
    for (int i = 0; i < calls; i++)
        DONE(agentid_agent_authorize_z(agents[who], "read_file", CALL, NULL, &error));
}

/* First the one, then the other, with everything that is made once behind them. */
static void *work(void *data)
{
    int who = data != NULL;
    for (int first = 0; first < 2; first++) {
        if (who == first) decide(who, CALLS);
        pthread_barrier_wait(&turn);
    }
    for (int first = 0; first < 2; first++) {
        if (who == first) {
            usleep(50000); /* until the other waits */
            marks[2 * who].here[0] = 1;
            decide(who, CALLS);
            marks[2 * who + 1].here[0] = 1;
        }
        pthread_barrier_wait(&turn);
    }
    return NULL;
}

int main(int count, char **arguments)
{
    agentid_authority_options options = AGENTID_AUTHORITY_OPTIONS_INIT;
    agentid_profile_options profile = AGENTID_PROFILE_OPTIONS_INIT;
    agentid_agent_options agent = AGENTID_AGENT_OPTIONS_INIT;
    const char *directory = count > 1 ? arguments[1] : "";
    options.trust_domain = "acme.example";
    profile.owner = "team:research@acme.example";
    profile.ceiling = SCOPE;
    agent.principal = "user:alice@acme.example";
    agent.task = "review";
    agent.scope = SCOPE;
    DONE(agentid_authority_open(TEXT(directory), &options, &acme, &error));
    DONE(agentid_authority_put_profile(acme, AGENTID_TEXT("researcher"), &profile, &error));
    for (int i = 0; i < 2; i++) DONE(agentid_authority_start_agent(acme, AGENTID_TEXT("researcher"), &agent, &agents[i], &error));
    Dl_info library;
    if (dladdr(dlsym(RTLD_DEFAULT, "agentid_version"), &library) == 0) return 1;
    printf("%d %p", CALLS, library.dli_fbase);
    for (int i = 0; i < 4; i++) printf(" %p", (void *)&marks[i]);
    printf("\n");
    fflush(stdout);
    pthread_t threads[2];
    pthread_barrier_init(&turn, NULL, 2);
    for (int i = 0; i < 2; i++)
        if (pthread_create(&threads[i], NULL, work, i == 0 ? NULL : &turn) != 0) return 1;
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < 2; i++) agentid_agent_close(agents[i]);
    agentid_authority_close(acme);
    return failures != 0;
}
