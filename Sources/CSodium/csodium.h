// libsodium as Swift sees it. Kept to one line: everything Swift adds is in Sources/JOSE/Sodium.swift.
#include <sodium.h>
