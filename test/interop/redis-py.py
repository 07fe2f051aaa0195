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


main()
