"""redis-py against a server: run by redis-py.test.ts with a port and a RESP version."""

import sys

import redis


def check(actual, expected):
    if actual != expected:
        raise AssertionError(f"{actual!r} instead of {expected!r}")


def main():
    port, protocol = int(sys.argv[1]), int(sys.argv[2])
    options = {"port": port, "decode_responses": True}
    try:
        client = redis.Redis(protocol=protocol, **options)
    except TypeError:
        if protocol == 3:
            print("SKIP: this redis-py speaks RESP2 only")
            return
        client = redis.Redis(**options)
    client.flushall()
    check(client.set("k", "v", ex=1000), True)
    check(client.get("k"), "v")
    check(client.ttl("k") > 990, True)
    check(client.set("k", "w", nx=True), None)
    check(client.incrbyfloat("f", "1.5"), 1.5)
    check(client.mget("k", "none"), ["v", None])
    check(client.bitfield("b").set("u8", 0, 255).get("i8", 0).execute(), [0, -1])
    check(client.config_get("maxclients").keys(), {"maxclients": ""}.keys())
    check(client.client_setname("python"), True)
    check(client.client_getname(), "python")
    check(any(each["name"] == "python" for each in client.client_list()), True)
    check("redis_version" in client.info("server"), True)
    pipeline(client)
    transaction(client, options)
    errors(client)
    scan(client)
    messages(client)
    binary(port)
    streams(client)
    print("OK")


def pipeline(client):
    pipe = client.pipeline(transaction=False)
    for i in range(5000):
        pipe.set(f"key:{i}", i)
        pipe.get(f"key:{i}")
    replies = pipe.execute()
    check(len(replies), 10000)
    check(replies[1::2], [str(i) for i in range(5000)])


def transaction(client, options):
    with client.pipeline() as pipe:
        check(pipe.set("a", 1).incr("a").get("a").execute(), [True, 2, "2"])
        pipe.watch("a")
        redis.Redis(**options).set("a", "other")
        pipe.multi()
        pipe.set("a", "mine")
        try:
            pipe.execute()
            raise AssertionError("WATCH noticed nothing")
        except redis.WatchError:
            pass
    check(client.get("a"), "other")
    check(client.transaction(lambda pipe: (pipe.multi(), pipe.set("a", "x")), "a"), [True])


def errors(client):
    client.set("text", "abc")
    try:
        client.incr("text")
        raise AssertionError("INCR of a text went well")
    except redis.ResponseError as error:
        check(str(error), "value is not an integer or out of range")


def scan(client):
    check(len(set(client.scan_iter("key:*", count=100))), 5000)


def messages(client):
    subscriber = client.pubsub(ignore_subscribe_messages=True)
    subscriber.subscribe("news")
    subscriber.psubscribe("n*")
    for _ in range(2):
        subscriber.get_message(timeout=5)
    check(client.publish("news", "one"), 2)
    got = []
    while len(got) < 2:
        message = subscriber.get_message(timeout=5)
        if message is not None:
            got.append((message["type"], message["channel"], message["data"]))
    check(got, [("message", "news", "one"), ("pmessage", "news", "one")])
    subscriber.close()


def binary(port):
    client = redis.Redis(port=port)
    value = bytes(range(256)) * 40
    client.set(b"\x00\xff\r\n", value)
    check(client.get(b"\x00\xff\r\n"), value)


def entries(reply):
    """What a read of one stream has, as RESP2 and RESP3 give it."""
    if isinstance(reply, dict):
        [[found]] = reply.values()
        return found
    [[_, found]] = reply
    return found


def streams(client):
    first = client.xadd("s", {"name": "a", "n": 1})
    for i in range(2, 11):
        client.xadd("s", {"name": "a", "n": i}, maxlen=100, approximate=True)
    check(client.xlen("s"), 10)
    check(client.xrange("s", count=1), [(first, {"name": "a", "n": "1"})])
    last = client.xrevrange("s", count=1)[0][0]
    check(entries(client.xread({"s": 0}, count=3, block=100))[0][0], first)
    check(bool(client.xread({"s": "$"}, block=1)), False)
    groups(client)
    check(client.xdel("s", first), 1)
    check(client.xtrim("s", maxlen=5, approximate=False), 4)
    info = client.xinfo_stream("s")
    check([info["length"], info["last-generated-id"], info["groups"]], [5, last, 1])
    check(client.xinfo_stream("s", full=True)["entries-added"], 10)
    check(client.xgroup_destroy("s", "g"), True)


def groups(client):
    check(client.xgroup_create("s", "g", id="0"), True)
    try:
        client.xgroup_create("s", "g")
        raise AssertionError("a group was made twice")
    except redis.ResponseError as error:
        check(str(error), "BUSYGROUP Consumer Group name already exists")
    check(client.xgroup_createconsumer("s", "g", "idle"), 1)
    got = entries(client.xreadgroup("g", "one", {"s": ">"}, count=4))
    check([fields["n"] for _, fields in got], ["1", "2", "3", "4"])
    ids = [entry for entry, _ in got]
    check(client.xack("s", "g", ids[0]), 1)
    pending = client.xpending("s", "g")
    check([pending["pending"], pending["min"], pending["max"]], [3, ids[1], ids[3]])
    each = client.xpending_range("s", "g", "-", "+", 10, consumername="one")
    check([one["message_id"] for one in each], ids[1:])
    check(client.xclaim("s", "g", "two", 0, ids[1:2])[0][1]["n"], "2")
    check(client.xautoclaim("s", "g", "three", 0, count=1, justid=True), [ids[1]])
    check(client.xgroup_delconsumer("s", "g", "one"), 2)
    check(len(client.xinfo_consumers("s", "g")), 3)
    check(client.xgroup_setid("s", "g", "$"), True)
    check(client.xinfo_groups("s")[0]["pending"], 1)


main()
