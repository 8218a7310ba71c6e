/*
 * Preloaded under valgrind: secret keys become undefined as soon as libsodium has made them, so that every branch or
 * address in the release library that depends on one is reported. Signatures and public keys are public again.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <valgrind/memcheck.h>

enum { SEED = 32, PUBLIC_KEY = 32, SIGNATURE = 64 };

static void hide(unsigned char *secret_key, unsigned char *public_key)
{
    (void)VALGRIND_MAKE_MEM_UNDEFINED(secret_key, SEED);
    (void)VALGRIND_MAKE_MEM_DEFINED(secret_key + SEED, PUBLIC_KEY);
    (void)VALGRIND_MAKE_MEM_DEFINED(public_key, PUBLIC_KEY);
}

int crypto_sign_ed25519_keypair(unsigned char *public_key, unsigned char *secret_key)
{
    int (*real)(unsigned char *, unsigned char *);
    *(void **)&real = dlsym(RTLD_NEXT, "crypto_sign_ed25519_keypair");
    int status = real(public_key, secret_key);
    hide(secret_key, public_key);
    return status;
}

int crypto_sign_ed25519_seed_keypair(unsigned char *public_key, unsigned char *secret_key, const unsigned char *seed)
{
    int (*real)(unsigned char *, unsigned char *, const unsigned char *);
    *(void **)&real = dlsym(RTLD_NEXT, "crypto_sign_ed25519_seed_keypair");
    (void)VALGRIND_MAKE_MEM_UNDEFINED(seed, SEED);
    int status = real(public_key, secret_key, seed);
    hide(secret_key, public_key);
    return status;
}

int crypto_sign_ed25519_detached(unsigned char *signature, unsigned long long *length, const unsigned char *message,
                                 unsigned long long message_length, const unsigned char *secret_key)
{
    int (*real)(unsigned char *, unsigned long long *, const unsigned char *, unsigned long long, const unsigned char *);
    *(void **)&real = dlsym(RTLD_NEXT, "crypto_sign_ed25519_detached");
    int status = real(signature, length, message, message_length, secret_key);
    (void)VALGRIND_MAKE_MEM_DEFINED(signature, SIGNATURE);
    return status;
}
