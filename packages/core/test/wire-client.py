"""Speaks Homeostat's wire from another language, with nothing but Python's standard library (docs/wire.md).

    wire-client.py HOST PORT MAILBOX_KEY INBOX_KEY METHOD JSON   casts, then calls; prints the reply's body as JSON
    wire-client.py --encode                                      prints a cast frame and a call frame as hex
"""
import json, socket, struct, sys

def pack(v):
    if v is None or v is True or v is False: return {None: b'\xc0', False: b'\xc2', True: b'\xc3'}[v]
    if isinstance(v, int) and 0 <= v < 0x80: return bytes([v])
    if isinstance(v, int) and -2**31 <= v < 2**32: return b'\xd2' + struct.pack('>i', v) if v < 0 else b'\xce' + struct.pack('>I', v)
    if isinstance(v, (int, float)): return b'\xcb' + struct.pack('>d', v)
    if isinstance(v, str): return b'\xdb' + struct.pack('>I', len(v.encode())) + v.encode()
    if isinstance(v, list): return b'\xdc' + struct.pack('>H', len(v)) + b''.join(map(pack, v))
    return b'\xde' + struct.pack('>H', len(v)) + b''.join(pack(k) + pack(x) for k, x in v.items())

def unpack(b, at):  # answers (value, where it ends)
    def many(head, count, step):
        at, items = head, []
        for _ in range(count * step): x, at = unpack(b, at); items.append(x)
        return (items if step == 1 else dict(zip(items[::2], items[1::2]))), at
    t, num = b[at], lambda code: struct.unpack_from('>' + code, b, at + 1)[0]
    text = lambda head, size: (b[at + head:at + head + size].decode(), at + head + size)
    if t < 0x80 or t >= 0xe0: return t if t < 0x80 else t - 256, at + 1
    if t < 0x90: return many(at + 1, t & 15, 2)
    if t < 0xa0: return many(at + 1, t & 15, 1)
    if t < 0xc0: return text(1, t & 31)
    if t in (0xc0, 0xc2, 0xc3): return {0xc0: None, 0xc2: False, 0xc3: True}[t], at + 1
    if t in (0xd9, 0xda, 0xdb): code = 'BHI'[t - 0xd9]; return text(1 + struct.calcsize(code), num(code))
    if 0xdc <= t <= 0xdf: code = 'HI'[t & 1]; return many(at + 1 + struct.calcsize(code), num(code), t - 0xdb + 1 >> 1)
    code = {0xca: 'f', 0xcb: 'd', 0xcc: 'B', 0xcd: 'H', 0xce: 'I', 0xcf: 'Q', 0xd0: 'b', 0xd1: 'h', 0xd2: 'i', 0xd3: 'q'}[t]
    return num(code), at + 1 + struct.calcsize('>' + code)

def frame(node, number, sent_at, reply_to, *envelopes):
    u64 = lambda n: b'\xcf' + struct.pack('>Q', n)
    return b'\x96' + pack(1) + pack(node) + u64(number) + pack(reply_to) + u64(sent_at) + pack(list(envelopes))

class Redis:
    def __init__(self, host, port): self.file = socket.create_connection((host, int(port)), 15).makefile('rwb')
    def __call__(self, *args):
        args = [a if isinstance(a, bytes) else str(a).encode() for a in args]
        self.file.write(b'*%d\r\n' % len(args) + b''.join(b'$%d\r\n%s\r\n' % (len(a), a) for a in args)); self.file.flush()
        return self.read()
    def read(self):
        line = self.file.readline(); kind, rest = line[:1], line[1:-2]
        if kind == b'-': sys.exit(rest.decode())
        if kind == b'$': return None if rest == b'-1' else self.file.read(int(rest) + 2)[:-2]
        return [self.read() for _ in range(int(rest))] if kind == b'*' and rest != b'-1' else None if kind == b'*' else rest

if sys.argv[1] == '--encode':
    for f in (frame('py-1', 1, 1700000000000, None, [2, 'user.add', {'id': 7, 'tags': ['a', 'ü'], 'score': 1.5, 'ok': True, 'none': None, 'big': 2**40, 'low': -5}]),
              frame('py-1', 2, 1700000000000, 'py-1', [1, 'user.get', {'id': 7}, 99, 5000])): print(f.hex())
else:
    host, port, mailbox, inbox, method, body = sys.argv[1:7]; redis, node, body = Redis(host, port), inbox.split(':inbox:')[-1], json.loads(body)
    seconds, micros = map(int, redis('TIME')); now = seconds * 1000 + micros // 1000; start = redis('XADD', inbox, '*', 'j', 1)
    redis('XADD', mailbox, '*', 'f', frame(node, 1, now, None, [2, method, body]), 'n', 1)
    redis('XADD', mailbox, '*', 'f', frame(node, 2, now, node, [1, method, body, 1, 10000]), 'n', 1)
    reply = redis('XREAD', 'BLOCK', 10000, 'COUNT', 1, 'STREAMS', inbox, start) or sys.exit('no reply'); redis('DEL', inbox)
    kind, correlation, *rest = unpack(reply[0][1][0][1][1], 0)[0][5][0]
    print(json.dumps(rest[0] if rest else None)); sys.exit(0 if kind & 15 == 3 and correlation == 1 else 1)
