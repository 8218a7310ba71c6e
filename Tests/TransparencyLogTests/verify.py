"""Checks a log and proofs from it with the standard library alone: an implementation of RFC 9162 2.1, RFC 8032 and
C2SP tlog-tiles that shares nothing with ours. verify.py LOG VKEY PROOFS; prints `ok` and counts, or what is wrong."""
import base64, hashlib, json, pathlib, sys

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
BASE_Y = 4 * pow(5, -1, P) % P


def recover(y, sign):
    x2 = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    assert y < P and (x * x - x2) % P == 0, "not a point"
    return P - x if x & 1 != sign else x


def add(a, b):
    (x1, y1), (x2, y2) = a, b
    t = D * x1 * x2 * y1 * y2
    return (x1 * y2 + x2 * y1) * pow(1 + t, -1, P) % P, (y1 * y2 + x1 * x2) * pow(1 - t, -1, P) % P


def multiply(n, point):
    result = (0, 1)
    while n:
        if n & 1:
            result = add(result, point)
        point, n = add(point, point), n >> 1
    return result


def point(encoded):
    n = int.from_bytes(encoded, "little")
    y = n & (1 << 255) - 1
    return recover(y, n >> 255), y


def ed25519(key, message, signature):
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    h = int.from_bytes(hashlib.sha512(r + key + message).digest(), "little") % L
    base = recover(BASE_Y, 0), BASE_Y
    return s < L and multiply(s, base) == add(point(r), multiply(h, point(key)))


def leaf(entry):
    return hashlib.sha256(b"\0" + entry).digest()


def node(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def mth(hashes):
    if len(hashes) < 2:
        return hashes[0] if hashes else hashlib.sha256().digest()
    k = 1 << (len(hashes) - 1).bit_length() - 1
    return node(mth(hashes[:k]), mth(hashes[k:]))


def inclusion(index, size, hash, path, root):
    assert index < size
    fn, sn, r = index, size - 1, hash
    for p in path:
        assert sn
        if fn & 1 or fn == sn:
            r = node(p, r)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node(r, p)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and r == root


def consistency(first, second, first_hash, second_hash, path):
    if first == second:
        return not path and first_hash == second_hash
    assert 0 < first < second and path
    path = ([first_hash] if first & first - 1 == 0 else []) + path
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        assert sn
        if fn & 1 or fn == sn:
            fr, sr = node(c, fr), node(c, sr)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node(sr, c)
        fn, sn = fn >> 1, sn >> 1
    return fr == first_hash and sr == second_hash and sn == 0


def name(n):
    parts = [f"{n % 1000:03}"]
    while n >= 1000:
        n //= 1000
        parts.insert(0, f"x{n % 1000:03}")
    return "/".join(parts)


def resource(log, kind, index, count):
    width = min(count - 256 * index, 256)
    data = (log / "tile" / kind / (name(index) + (f".p/{width}" if width < 256 else ""))).read_bytes()
    return data, width


def open_checkpoint(note, vkey):
    key_name, key_hash, key = vkey.split("+", 2)
    key = base64.b64decode(key)
    assert key[0] == 1 and hashlib.sha256(key_name.encode() + b"\n" + key).hexdigest()[:8] == key_hash
    text, _, signatures = note.rpartition(b"\n\n")
    text += b"\n"
    for line in signatures.decode().splitlines():
        dash, who, encoded = line.split(" ")
        signature = base64.b64decode(encoded)
        if who == key_name and signature[:4].hex() == key_hash:
            assert dash == "\u2014" and ed25519(key[1:], text, signature[4:]), "signature"
            origin, size, root = text.decode().splitlines()[:3]
            assert origin == key_name
            return int(size), base64.b64decode(root)
    raise AssertionError("no signature")


def main():
    log = pathlib.Path(sys.argv[1])
    size, root = open_checkpoint((log / "checkpoint").read_bytes(), sys.argv[2])
    entries = []
    for index in range((size + 255) // 256):
        data, width = resource(log, "entries", index, size)
        for _ in range(width):
            length = int.from_bytes(data[:2], "big")
            assert len(data) >= 2 + length
            entries.append(data[2:2 + length])
            data = data[2 + length:]
        assert not data, f"bundle {index} has more than its entries"
    leaves = [leaf(entry) for entry in entries]
    assert mth(leaves) == root, "root"
    hashes, level = leaves, 0
    while hashes:
        for index in range((len(hashes) + 255) // 256):
            data, width = resource(log, str(level), index, len(hashes))
            assert data == b"".join(hashes[256 * index:256 * index + width]), f"tile {level} {index}"
        hashes = [mth(hashes[i:i + 256]) for i in range(0, len(hashes) - 255, 256)]
        level += 1
    proofs = json.loads(pathlib.Path(sys.argv[3]).read_text())
    for proof in proofs:
        path = [base64.b64decode(p) for p in proof["path"]]
        if "index" in proof:
            assert inclusion(proof["index"], size, leaves[proof["index"]], path, root), proof["index"]
        else:
            assert consistency(proof["old"], size, mth(leaves[:proof["old"]]), root, path), proof["old"]
    print(f"ok {size} entries {len(proofs)} proofs")


if __name__ == "__main__":
    main()
