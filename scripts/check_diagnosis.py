#!/usr/bin/env python3
"""Checks a diagnosis of the device against the failure that was made.

    check_diagnosis.py MODE ANSWER.json device=PID snmpd=PID master=PID script=PID reader=PID

Prints what is wrong, one line each, and exits with 1 when anything is. Standard library only.
"""

import json
import sys


class Answer:
    """A diagnosis, and questions about it."""

    def __init__(self, document, facts):
        self.document = document
        self.facts = facts
        self.problems = []
        self.threads = {thread["tid"]: thread for thread in document["threads"]}

    def expect(self, is_true, problem):
        if not is_true:
            self.problems.append(problem)

    def tid(self, name, pid=None):
        pid = pid or self.facts["device"]
        for thread in self.document["threads"]:
            if thread["pid"] == pid and thread["thread"] == name:
                return thread["tid"]
        self.problems.append(f"no thread {name} of process {pid} in the answer")
        return None

    def kind(self, name):
        thread = self.threads.get(self.tid(name))
        return thread["wait"]["kind"] if thread and thread.get("wait") else None

    def expect_kind(self, name, *kinds):
        kind = self.kind(name)
        self.expect(kind in kinds, f"{name} waits in {kind}, not in {' or '.join(kinds)}")

    def finding_of(self, name):
        """The finding that has this thread of the device as a victim, in its chain or as its root."""
        tid = self.tid(name)
        found = [finding for finding in self.document["findings"] if finding["kind"] != "rest" and tid in tids_of(finding)]
        self.expect(found, f"no finding has {name}, which is held up")
        return found[0] if found else None

    def expect_chain(self, name, *steps):
        """The chain of the finding of `name` has these (pid or tid, kinds) in this order, without others between."""
        finding = self.finding_of(name)
        if not finding:
            return None
        chain = [(link["pid"], link["tid"], link["kind"]) for link in finding["chain"]]
        start = next((index for index, link in enumerate(chain) if steps[0][0] in link[:2]), None)
        part = chain[start : start + len(steps)] if start is not None else []
        fits = len(part) == len(steps) and all(
            wanted in link[:2] and (not kinds or link[2] in kinds) for (wanted, kinds), link in zip(steps, part)
        )
        self.expect(fits, f"the chain of {name} is {chain}, not {list(steps)}")
        return finding

    def expect_root(self, finding, pid, *causes):
        root = finding["root"] if finding else {}
        self.expect(root.get("pid") == pid, f"the root is process {root.get('pid')}, not {pid}")
        self.expect(root.get("cause") in causes, f"the cause is {root.get('cause')}, not {' or '.join(causes)}")

    def expect_remedy(self, finding, action):
        actions = [remedy["action"] for remedy in (finding or {}).get("remedies", [])]
        self.expect(action in actions, f"no remedy '{action}' among {actions}")


def tids_of(finding):
    tids = {victim["tid"] for victim in finding["victims"]} | {link["tid"] for link in finding["chain"]}
    return tids | {(finding.get("root") or {}).get("tid")}


CONNECTS = ("unix-connect", "unix-receive")


def stopped(answer):
    snmpd = answer.facts["snmpd"]
    answer.expect_kind("sensors", "sysv-msg-send")
    finding = answer.expect_chain(
        "logger",
        (answer.tid("logger"), ("sysv-msg-send",)),
        (answer.tid("dispatcher"), CONNECTS),
        (snmpd, ("job-control-stop",)),
    )
    answer.expect_root(finding, snmpd, "stopped")
    answer.expect_remedy(finding, f"kill -CONT {snmpd}")
    answer.expect(not (finding or {}).get("deadlock"), "a stopped process is no deadlock")
    processes = {process["pid"]: process for process in answer.document["processes"]}
    signals = {row["signal"]: row["outcome"] for row in processes.get(answer.facts["device"], {}).get("signals", [])}
    answer.expect(signals.get("SIGQUIT") == "blocked", f"SIGQUIT's outcome is {signals.get('SIGQUIT')}, not blocked")
    queues = [item["facts"] for item in answer.document["resources"] if item["kind"] == "sysv-msg-queue"]
    answer.expect(
        any(facts.get("bytes") == 16384 and facts.get("bytesLimit") == 16384 and facts.get("messages") == 128 for facts in queues),
        f"no full queue of 128 messages and 16384 bytes among {queues}",
    )


def extend_cycle(answer):
    snmpd, script = answer.facts["snmpd"], answer.facts["script"]
    finding = answer.expect_chain(
        "logger",
        (answer.tid("logger"), ("sysv-msg-send",)),
        (answer.tid("dispatcher"), CONNECTS),
        (snmpd, ("child-exit",)),
        (script, ("unix-receive",)),
    )
    deadlocks = [found for found in answer.document["findings"] if found["deadlock"] and {snmpd, script} <= tids_of(found)]
    answer.expect(deadlocks, "snmpd and the script that it waits for are a deadlock, and none is reported")
    for found in deadlocks:
        answer.expect(found["root"]["cause"] == "deadlock", f"the deadlock's cause is {found['root']['cause']}")
    actions = [remedy["action"] for found in deadlocks + [finding or {}] for remedy in found.get("remedies", [])]
    answer.expect(any(str(script) in action for action in actions), f"no remedy names the script {script}: {actions}")


def extend_select(answer):
    """snmpd's select ends by itself after a second, so a deadlock would be a claim beyond the evidence."""
    finding = answer.expect_chain(
        "logger",
        (answer.tid("logger"), ("sysv-msg-send",)),
        (answer.tid("dispatcher"), CONNECTS),
        (answer.facts["snmpd"], ("select", "poll")),
    )
    answer.expect(not (finding or {}).get("deadlock"), "a deadlock is claimed, though snmpd's select has a time limit")


def shutdown_listener(answer):
    master = answer.facts["master"]
    finding = answer.expect_chain(
        "logger", (answer.tid("logger"), ("sysv-msg-send",)), (answer.tid("dispatcher"), ("unix-connect",))
    )
    answer.expect_root(finding, master, "unanswered", "idle")


def deadlock(answer):
    answer.expect_kind("dispatcher", "futex-mutex")
    answer.expect_kind("sensors", "sysv-msg-send")
    answer.expect_kind("logger", "sysv-msg-send")
    finding = answer.finding_of("dispatcher")
    if finding:
        answer.expect(finding["kind"] == "deadlock" and finding["deadlock"] is True, f"the finding is a {finding['kind']}, no deadlock")
        tids = tids_of(finding)
        answer.expect({answer.tid("dispatcher"), answer.tid("sensors")} <= tids, "dispatcher and sensors are not both in the deadlock")


def spin(answer):
    answer.expect_kind("sensors", "sysv-msg-send")
    finding = answer.finding_of("logger")
    answer.expect_root(finding, answer.facts["device"], "running")
    if finding:
        answer.expect(finding["root"].get("tid") == answer.tid("dispatcher"), f"the root is thread {finding['root'].get('tid')}, not the dispatcher")


def log_pipe(answer):
    reader = answer.facts["reader"]
    finding = answer.expect_chain("logger", (answer.tid("logger"), ("pipe-write",)), (reader, ("sleep",)))
    answer.expect_root(finding, reader, "sleeping")


def healthy(answer):
    """Nothing moves towards a deadlock, and no stop is seen. Single looks may meet a thread in a short wait."""
    for finding in answer.document["findings"]:
        answer.expect(not finding["deadlock"], f"a deadlock in a healthy device: {finding.get('summary')}")
        cause = (finding.get("root") or {}).get("cause")
        answer.expect(cause not in ("stopped", "no-counterpart", "owner-exited"), f"cause {cause} in a healthy device")


def repaired(answer):
    """snmpd is stopped and the device lives: no deadlock, and nobody sleeps in a full queue for it."""
    answer.expect(answer.kind("dispatcher") != "unix-connect", "the repaired dispatcher sleeps in connect")
    for finding in answer.document["findings"]:
        answer.expect(not finding["deadlock"], f"a deadlock in a living device: {finding.get('summary')}")


def main(mode, path, *words):
    facts = {name: int(value) if value else None for name, value in (word.split("=", 1) for word in words)}
    with open(path, encoding="utf-8") as file:
        answer = Answer(json.load(file), facts)
    answer.expect(answer.document.get("schema") == "waitchain.diagnosis/1", f"the schema is {answer.document.get('schema')}")
    globals()[mode.replace("-", "_")](answer)
    for problem in answer.problems:
        print(problem)
    return 1 if answer.problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
