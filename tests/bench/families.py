"""The problems that are measured: families of scenarios in growing sizes.

A family that SPIN can say, too, has a model of its name in spin/ with the same threads, the same shared objects and the
same blocking operations; a size is the model's -D defines. Run as a program, it writes every scenario to a folder:
    python3 tests/bench/families.py build/bench
"""
import json
import os
import sys
from dataclasses import dataclass
from typing import Callable


def op(name, on=None, **fields):
    """One op. A trailing underscore keeps a field's name from being a word of Python (as_, for_)."""
    out = {"op": name}
    if on is not None:
        out["on"] = on
    out.update({key.rstrip("_"): value for key, value in fields.items()})
    return out


# ---- what SPIN can say, too -------------------------------------------------------------------------------------------

def dining(N, R, ORD):
    threads = []
    for i in range(N):
        a, b = (0, i) if ORD and i == N - 1 else (i, (i + 1) % N)
        meal = op("lock", f"forks[{a}]", body=[op("lock", f"forks[{b}]", body=[])])
        threads.append(op("spawn_thread", as_=f"p{i}", body=[meal] if R == 1 else [op("loop", times=R, body=[meal])]))
    joins = [op("join_thread", f"p{i}") for i in range(N)]
    return {"objects": {"forks": {"kind": "std_mutex", "count": N}}, "main": threads + joins}


def ring(N, K, H):
    threads, names = [], []
    for i in range(N):
        succ = f"c[{(i + 1) % N}]"
        hop = [op("recv", f"c[{i}]", var="t"), op("if", cond="t > 0", then=[op("send", succ, value="t - 1")]),
               op("set", var="t", to=0)]
        threads.append(op("spawn_thread", as_=f"node{i}", clone=[f"{succ}.tx"], body=[op("loop", times=K * H, body=hop)]))
        names.append(f"node{i}")
    for i in range(N):
        put = op("loop", times=K, body=[op("send", f"c[{i}]", value=H - 1)])
        threads.append(op("spawn_thread", as_=f"injector{i}", clone=[f"c[{i}].tx"], body=[put]))
        names.append(f"injector{i}")
    return {"objects": {"c": {"kind": "std_channel", "capacity": 1, "count": N}},
            "main": threads + [op("join_thread", name) for name in names]}


def inversion(T, L, BUG):
    def private():
        return op("loop", times=L, body=[op("set", var="n", to="n + 1")])

    threads = []
    for i in range(T):
        a, b = (2 * i, 2 * i + 1) if i > 1 else (1, 0) if i == 1 and BUG else (0, 1)
        body = [private(), op("lock", f"locks[{a}]", body=[private(), op("lock", f"locks[{b}]", body=[])])]
        threads.append(op("spawn_thread", as_=f"t{i}", body=body))
    return {"objects": {"locks": {"kind": "std_mutex", "count": 2 * T}},
            "main": threads + [op("join_thread", f"t{i}") for i in range(T)]}


def pool(W, T, D):
    """W is the cap of Tokio's blocking pool, whose threads come on demand: more than the fixed workers of the model."""
    def closure(level):
        if level == D:
            return []
        child = f"child{level + 1}"
        return [op("spawn_blocking", as_=child, body=closure(level + 1)),
                op("block_on", "current", body=[op("await", child)])]

    return {"runtimes": {"rt": {"flavor": "current_thread", "max_blocking_threads": W}},
            "main": [op("block_on", "rt", body=[op("spawn_blocking", as_="root", count=T, body=closure(0)),
                                                op("await", "root")])]}


def prodcons(N, C, M):
    produce = [op("loop", times=M, body=[op("send", "q", value="$index")])]
    consume = [op("loop", times=N * M, body=[op("recv", "q", var="x"), op("set", var="x", to=0)])]
    return {"objects": {"q": {"kind": "std_channel", "capacity": C}},
            "main": [op("spawn_thread", as_="producer", count=N, clone=["q.tx"], body=produce),
                     op("spawn_thread", as_="consumer", body=consume),
                     op("join_thread", "producer"), op("join_thread", "consumer")]}


def condvar(W, X, BUG):
    """A wait may also return spuriously here, which the model leaves out."""
    waiter = [op("lock", "m", body=[op("while", cond="ready == 0", body=[op("wait", "cv", mutex="m")])])]
    store = op("store", "ready", value=1)
    notifier = [store if BUG else op("lock", "m", body=[store]), op("notify_all", "cv")]
    main = [op("spawn_thread", as_="waiter", count=W, body=waiter)]
    if X:
        main.append(op("spawn_thread", as_="noise", count=X, body=[op("lock", "m", body=[])]))
    main.append(op("spawn_thread", as_="notifier", body=notifier))
    main += [op("join_thread", name) for name in ["waiter"] + ["noise"] * bool(X) + ["notifier"]]
    return {"objects": {"m": {"kind": "std_mutex"}, "cv": {"kind": "std_condvar"}, "ready": {"kind": "atomic"}},
            "main": main}


# ---- what only Tokio's words can say ----------------------------------------------------------------------------------

def workers(W, **fields):
    return {"rt": {"flavor": "multi_thread", "worker_threads": W, **fields}}


def bounded_mpsc(T, W):
    """T tasks on W workers send two messages each through an mpsc of one place; the root future receives."""
    return {"runtimes": workers(W), "objects": {"ch": {"kind": "mpsc", "capacity": 1}},
            "main": [op("block_on", "rt", body=[
                op("spawn", as_="sender", count=T, clone=["ch.tx"], body=[op("send", "ch"), op("send", "ch")]),
                op("loop", times=2 * T, body=[op("recv", "ch")]), op("await", "sender")])]}


def spawn_tree(T, W):
    """T tasks on W workers: each spawns up to two more and awaits them."""
    def task(i):
        children = [c for c in (2 * i, 2 * i + 1) if c <= T]
        return [op("spawn", as_=f"t{c}", body=task(c)) for c in children] + [op("await", f"t{c}") for c in children]

    root = [op("spawn", as_="t1", body=task(1)), op("await", "t1")]
    return {"runtimes": workers(W), "main": [op("block_on", "rt", body=root)]}


def nested_blocking(T, W):
    """T tasks await a blocking closure each, which waits for a second one; the pool has one thread to spare."""
    outer = [op("spawn_blocking", as_="inner", body=[]), op("block_on", "current", body=[op("await", "inner")])]
    task = [op("spawn_blocking", as_="outer", body=outer), op("await", "outer")]
    return {"runtimes": workers(W, max_blocking_threads=T + 1),
            "main": [op("block_on", "rt", body=[op("spawn", as_="task", count=T, body=task), op("await", "task")])]}


def select_loop(T, W):
    """T tasks loop over a select of their channel and a token; the root sends one message to each, then cancels."""
    loop = op("loop", body=[op("select", branches=[{"await": op("recv", "ch[$index]"), "then": []},
                                                   {"await": op("cancelled", "stop"), "then": [op("break")]}])])
    root = [op("spawn", as_="task", count=T, body=[loop])]
    root += [op("send", f"ch[{i}]") for i in range(T)] + [op("cancel", "stop"), op("await", "task")]
    return {"runtimes": workers(W),
            "objects": {"ch": {"kind": "mpsc", "capacity": 1, "count": T}, "stop": {"kind": "cancellation_token"}},
            "main": [op("block_on", "rt", body=root)]}


def blocked_shutdown(W):
    """W tasks block all W workers on a std mutex of main, which drops the runtime while it holds it."""
    spawns = [op("spawn", as_=f"task{i}", on="rt", body=[op("lock", "m", body=[])]) for i in range(W)]
    return {"runtimes": workers(W), "objects": {"m": {"kind": "std_mutex"}},
            "main": [op("lock", "m", body=spawns + [op("drop", "rt")])]}


def mutex_and_timers(T, W):
    """T tasks on W workers sleep while they hold a Tokio mutex, each for its own time; under both timings."""
    tasks = [op("spawn", as_=f"task{i}", body=[op("lock", "m", body=[op("sleep", for_=f"{i + 1}ms")])]) for i in range(T)]
    return {"timing": "both", "runtimes": workers(W), "objects": {"m": {"kind": "mutex"}},
            "main": [op("block_on", "rt", body=tasks + [op("await", f"task{i}") for i in range(T)])]}


# ---- sizes --------------------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Family:
    """Sizes grow. The first `quick` of them are for a short run, the first one for the test of agreement."""
    name: str
    about: str
    make: Callable
    sizes: list
    unit: str = ""       # the parameter that grows, where growth is fitted
    quick: int = 2

    def scenario(self, size):
        return {"name": self.file_name(size).removesuffix(".json"), "about": f"{self.about}: {text(size)}",
                "timing": "adversarial", **self.make(**size)}

    def file_name(self, size):
        return "-".join([self.name, *(f"{key.lower()}{value}" for key, value in size.items())]) + ".json"

    @property
    def model(self):
        return self.make.__name__


def text(size):
    return " ".join(f"{key}={value}" for key, value in size.items())


def sizes(names, rows):
    return [dict(zip(names.split(), row)) for row in rows]


AGAINST_SPIN = [
    Family("dining-broken", "N philosophers, all left-handed", dining,
           sizes("N R ORD", [(3, 1, 0), (6, 1, 0), (8, 1, 0), (10, 1, 0)])),
    Family("dining-ordered", "N philosophers, forks in one order", dining,
           sizes("N R ORD", [(3, 1, 1), (6, 1, 1), (8, 1, 1), (10, 1, 1)])),
    Family("dining-rounds", "N philosophers, forks in one order, R rounds", dining,
           sizes("N R ORD", [(3, 3, 1), (5, 3, 1), (6, 3, 1), (7, 3, 1)])),
    Family("ring-broken", "N nodes and injectors that fill the ring", ring,
           sizes("N K H", [(2, 2, 2), (3, 2, 2), (4, 2, 2), (5, 2, 2), (6, 2, 2)])),
    Family("ring-clean", "N nodes and injectors that cannot fill the ring", ring,
           sizes("N K H", [(3, 1, 3), (4, 1, 3), (5, 1, 3), (6, 1, 3), (7, 1, 3), (8, 1, 3)])),
    Family("inversion-broken", "lock inversion between 2 of T threads behind L private steps", inversion,
           sizes("T L BUG", [(3, 2, 1), (4, 5, 1), (8, 2, 1), (8, 20, 1)])),
    Family("inversion-clean", "T threads that lock in one order behind L private steps", inversion,
           sizes("T L BUG", [(3, 2, 0), (4, 5, 0), (6, 5, 0), (8, 2, 0), (8, 5, 0)])),
    Family("pool-broken", "T closures that wait for children D deep starve a pool of W", pool,
           sizes("W T D", [(2, 2, 1), (3, 3, 1), (4, 4, 1), (5, 5, 1)])),
    Family("pool-clean", "T closures that wait for children D deep on a pool of W that is large enough", pool,
           sizes("W T D", [(2, 1, 1), (3, 2, 1), (4, 3, 1), (5, 4, 1), (6, 5, 1)])),
    Family("prodcons", "N producers of M messages each, one channel of C places, one consumer", prodcons,
           sizes("N C M", [(2, 1, 2), (3, 2, 4), (4, 2, 8), (4, 4, 8), (5, 4, 6), (6, 4, 4)])),
    Family("condvar-broken", "W waiters and X bystanders; the flag is set without the mutex", condvar,
           sizes("W X BUG", [(1, 0, 1), (2, 1, 1), (4, 2, 1), (4, 4, 1), (6, 4, 1), (8, 4, 1)])),
    Family("condvar-clean", "W waiters and X bystanders; the flag is set under the mutex", condvar,
           sizes("W X BUG", [(1, 0, 0), (2, 1, 0), (4, 2, 0), (4, 4, 0), (6, 4, 0), (8, 4, 0)])),
]

TOKIO = [
    Family("mpsc-tasks", "T senders on 2 workers to a bounded mpsc", bounded_mpsc,
           sizes("T W", [(t, 2) for t in range(1, 9)]), "T", 3),
    Family("mpsc-workers", "2 senders on W workers to a bounded mpsc", bounded_mpsc,
           sizes("T W", [(2, w) for w in range(1, 9)]), "W", 3),
    Family("spawn-tree", "a tree of T tasks on 2 workers", spawn_tree,
           sizes("T W", [(t, 2) for t in range(1, 13)]), "T", 4),
    Family("nested-blocking", "T tasks with two nested blocking closures each, pool of T + 1", nested_blocking,
           sizes("T W", [(t, 1) for t in range(1, 7)]), "T"),
    Family("select-loop", "T tasks that select between messages and a cancellation", select_loop,
           sizes("T W", [(t, 2) for t in range(1, 9)]), "T", 3),
    Family("blocked-shutdown", "a runtime with W blocked workers is dropped", blocked_shutdown,
           sizes("W", [(w,) for w in range(1, 10)]), "W", 4),
    Family("mutex-timers", "T tasks on 1 worker, a Tokio mutex and timers", mutex_and_timers,
           sizes("T W", [(t, 1) for t in range(2, 9)]), "T", 3),
    Family("mutex-timers-2", "T tasks on 2 workers, a Tokio mutex and timers", mutex_and_timers,
           sizes("T W", [(t, 2) for t in range(2, 9)]), "T", 2),
]


def write(family, size, folder):
    """Writes one scenario; returns its path."""
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, family.file_name(size))
    with open(path, "w", encoding="utf-8") as file:
        json.dump(family.scenario(size), file, indent=1)
        file.write("\n")
    return path


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: tests/bench/families.py FOLDER")
    for one in AGAINST_SPIN + TOKIO:
        for its_size in one.sizes:
            write(one, its_size, sys.argv[1])
