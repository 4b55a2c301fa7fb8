"""What users do, with the clients that they use: python-memcached, pymemcache, pylibmc,
meta-memcache, and the meta protocol by hand.

Usage: clients.py PORT snippet|all
"""
import sys

import memcache


def snippet(port):
    mc = memcache.Client([f"127.0.0.1:{port}"])
    assert mc.set("greeting", "hello"), "set"
    assert mc.get("greeting") == "hello", "get"
    assert mc.set("greeting", "good morning"), "set again"
    assert mc.get("greeting") == "good morning", "the new value"
    assert mc.get("nobody") is None, "a miss"


def python_memcached(port):
    mc = memcache.Client([f"127.0.0.1:{port}"], cache_cas=True)
    assert mc.set("list", [1, "two", {"three": 3}], time=100)
    assert mc.get("list") == [1, "two", {"three": 3}]
    assert mc.set_multi({f"k{n}": n for n in range(100)}) == []
    assert mc.get_multi([f"k{n}" for n in range(120)]) == {f"k{n}": n for n in range(100)}
    assert mc.incr("k5", 10) == 15 and mc.decr("k5", 20) == 0
    assert mc.add("k5", 1) == 0 and mc.replace("k5", 9) and mc.get("k5") == 9
    assert mc.set("text", "b") and mc.append("text", "c") and mc.prepend("text", "a")
    assert mc.get("text") == "abc"
    assert mc.gets("text") == "abc" and mc.cas("text", "new") and mc.get("text") == "new"
    assert mc.delete("text") == 1 and mc.get("text") is None
    assert mc.touch("k7", 100) == 1
    large = "x" * 900_000
    assert mc.set("large", large) and mc.get("large") == large
    assert not mc.set("larger", "x" * 2_000_000) and mc.get("larger") is None
    assert mc.get_stats()[0][1]["curr_items"] != "0"
    mc.flush_all()
    assert mc.get("k7") is None


def pymemcache(port):
    from pymemcache.client.base import Client
    from pymemcache.exceptions import MemcacheClientError, MemcacheIllegalInputError
    client = Client(("127.0.0.1", port), no_delay=True)
    assert client.set("p", b"1", expire=100, noreply=False) and client.get("p") == b"1"
    assert client.set_many({f"p{n}": str(n) for n in range(200)}, noreply=False) == []
    assert len(client.get_many([f"p{n}" for n in range(300)])) == 200
    value, unique = client.gets("p")
    assert client.cas("p", b"2", unique, noreply=False) is True
    assert client.cas("p", b"3", unique, noreply=False) is False
    assert client.cas("nobody", b"3", unique, noreply=False) is None
    assert client.incr("p", 40, noreply=False) == 42 and client.decr("nobody", 1) is None
    assert client.add("p", b"x", noreply=False) is False
    assert client.get("p") == b"42" and client.touch("p", 0, noreply=False)
    assert client.append("p", b"!", noreply=False) and client.get("p") == b"42!"
    try:
        client.incr("p", 1)
        raise AssertionError("a number was made of 42!")
    except MemcacheClientError:
        pass
    try:
        client.get("a key")
        raise AssertionError("a key with a space")
    except MemcacheIllegalInputError:
        pass
    assert client.delete("p", noreply=False) and not client.delete("p", noreply=False)
    assert client.version() and client.stats()[b"threads"]
    assert client.flush_all(noreply=False)
    client.quit()


def pylibmc(port):
    import pylibmc as lib
    client = lib.Client([f"127.0.0.1:{port}"], binary=False, behaviors={"cas": True, "tcp_nodelay": True})
    assert client.set("l", {"a": 1}) and client.get("l") == {"a": 1}
    assert client.set_multi({f"l{n}": n for n in range(50)}) == []
    assert client.get_multi([f"l{n}" for n in range(60)]) == {f"l{n}": n for n in range(50)}
    value, unique = client.gets("l")
    assert client.cas("l", "new", unique) and client.get("l") == "new"
    assert client.add("l", 1) is False and client.incr("l3", 4) == 7
    assert client.delete("l") and client.get("l") is None
    assert client.flush_all()


def meta_memcache(port):
    from meta_memcache import CacheClient, LeasePolicy, ServerAddress, connection_pool_factory_builder
    client = CacheClient.cache_client_from_servers(
        servers=[ServerAddress("127.0.0.1", port)],
        connection_pool_factory_fn=connection_pool_factory_builder())
    assert client.set("m:a", {"x": 1}, ttl=100) and client.get("m:a") == {"x": 1}
    assert [value for _, value in sorted(client.multi_get(["m:a", "m:none"]).items(), key=str)] == [{"x": 1}, None]
    value, unique = client.get_cas("m:a")
    assert client.set("m:a", "new", ttl=100, cas_token=unique)
    assert not client.set("m:a", "newer", ttl=100, cas_token=unique) and client.get("m:a") == "new"
    assert client.delta_initialize_and_get("m:n", 5, initial_value=10, initial_ttl=60) == 10
    assert client.delta_and_get("m:n", 5) == 15
    assert client.get_or_lease("m:l", lease_policy=LeasePolicy()) is None
    assert client.set("m:l", "v", ttl=10) and client.touch("m:l", ttl=30)
    assert client.get_or_lease("m:l", lease_policy=LeasePolicy()) == "v"
    assert client.invalidate("m:l") and client.delete("m:a") and client.get("m:a") is None


def meta(port):
    """The meta protocol as its own text describes it: leases, staleness, opaque, quiet mode."""
    import socket
    stream = socket.create_connection(("127.0.0.1", port)).makefile("rwb")

    def ask(request, lines=1):
        stream.write(request.encode() + b"\r\n")
        stream.flush()
        return [stream.readline().decode().rstrip("\r\n") for _ in range(lines)]

    assert ask("mg lease v N30 t c")[0].endswith(" W")
    stream.readline()
    assert ask("mg lease s N30 t")[0] == "HD s0 t30 Z"
    assert ask("ms lease 3 T90\r\nabc") == ["HD"]
    assert ask("mg lease k f t v Oabc", 2) == ["VA 3 klease f0 t90 Oabc", "abc"]
    assert ask("md lease I T30") == ["HD"]
    assert ask("mg lease t v", 2) == ["VA 3 t30 X W", "abc"]
    assert ask("mg lease t v", 2) == ["VA 3 t30 Z X", "abc"]
    unique = ask("mg lease c")[0].split()[1][1:]
    assert ask(f"ms lease 3 C{unique} T90\r\nnew") == ["HD"]
    assert ask("mg lease v", 2) == ["VA 3", "new"]
    assert ask("mg none q v\r\nmg nope q\r\nmn") == ["MN"]
    assert ask("ma hits N0 J10 v\r\nma hits v", 4) == ["VA 2", "10", "VA 2", "11"]
    assert ask("ms aGk= 2 b\r\nyo") == ["HD"] and ask("mg aGk= b k v", 2) == ["VA 2 kaGk= b", "yo"]
    assert ask("mg hi v", 2) == ["VA 2", "yo"]
    assert ask("me hi")[0].startswith("ME aGk= exp=-1")


def main():
    port = int(sys.argv[1])
    snippet(port)
    if sys.argv[2] == "all":
        for client in (python_memcached, pymemcache, pylibmc, meta_memcache, meta):
            client(port)
    print("ok")


main()
