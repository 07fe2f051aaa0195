"""redis-py in Sentinel mode: prints a line for each write that went well, until it is ended."""
import sys
import time

from redis.exceptions import RedisError
from redis.sentinel import Sentinel

password = sys.argv[1] or None
sentinels = [("127.0.0.1", int(port)) for port in sys.argv[2:]]
sentinel = Sentinel(sentinels, socket_timeout=2, password=password)
primary = sentinel.master_for("main", socket_timeout=2)
number = 0
while True:
    try:
        primary.set("redis-py", number)
        number += 1
        print("ok", flush=True)
    except RedisError:
        pass
    time.sleep(0.05)
