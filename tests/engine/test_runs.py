"""Whole runs: templates compiled and applied, with components that do what their settings say."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from engine_components import happened
from engine_shop import Shop

from hclimg.engine.interrupts import Interrupts
from hclimg.engine.result import RunResult
from hclimg.errors import BuildError, TimedOut
from hclimg.events import (
    ArtifactMade,
    LaneFinished,
    LeftBehind,
    NodeFinished,
    NodeRetrying,
    Output,
    RunFinished,
    RunStarted,
    Said,
    StepStarted,
)
from hclimg.sdk.cancel import CancelToken


def template(*, box: str = "", build: str = "", before: str = "") -> str:
    return f'{before}\nsource "box" "a" {{\n{box}\n}}\nbuild {{\nsources = ["source.box.a"]\n{build}\n}}\n'


def statuses(result: RunResult) -> dict[str, str]:
    return {name.partition("/")[2] or name: str(node.status) for name, node in result.nodes.items()}


# -- the life of a lane -----------------------------------------------------------


def test_a_lane_from_source_to_artifact(shop: Shop) -> None:
    result = shop.apply(template(box='text = "hello"', build='provisioner "do" { say = ["hi"] }'), version="1.2")
    assert result.ok
    assert result.exit_code == 0
    assert set(statuses(result).values()) == {"succeeded"}
    assert happened.lines == [
        "resolve a", "plug a", "launch a from source of hello", "say hi", "attempt box.a/provision[0]:do",
        "capture a", "unplug a",
    ]  # fmt: skip
    (lane,) = result.lanes
    (artifact,) = lane.artifacts
    assert (artifact.builder, artifact.id) == ("test.box", "a")
    assert shop.files() == ["output-a/image.raw"]
    assert result.left_behind == ()
    assert [(e.lane, e.id, e.files) for e in shop.tape.of(ArtifactMade)] == [("box.a", "a", artifact.files)]
    (started,) = shop.tape.of(RunStarted)
    assert (started.run, started.version, started.lanes) == (result.id, "1.2", ("box.a",))
    assert shop.tape.events[-1] == shop.tape.of(RunFinished, status="succeeded")[0]
    assert all(node.attempts == 1 and node.seconds > 0 for node in result.nodes.values())


def test_a_failure_cleans_up_and_tells_where_it_was_declared(shop: Shop) -> None:
    result = shop.apply(template(build='provisioner "do" { fail_times = 9 }'))
    assert not result.ok
    assert result.exit_code == 1
    assert happened.lines[-1] == "unplug a"
    assert shop.files() == []
    (failure,) = result.failures
    (diagnostic,) = failure.diagnostics
    assert diagnostic.summary == "Provisioner failed"
    assert diagnostic.detail == "failure 1\nTry again."
    assert diagnostic.subject is not None
    assert diagnostic.subject.text == 'provisioner "do"'
    assert diagnostic.context == 'provisioner "do" of build "box.a"'
    assert result.lanes[0].error == "failure 1"
    assert result.lanes[0].artifacts == ()


def test_a_launch_that_fails_half_way_undoes_the_half_done(shop: Shop) -> None:
    result = shop.apply(template(box='fail = ["launch"]'))
    assert statuses(result) == {"source": "succeeded", "build": "failed", "capture": "skipped", "teardown": "succeeded"}
    assert happened.lines[-1] == "unplug a"
    assert shop.files() == []


def test_a_failing_source_reaches_every_lane(shop: Shop) -> None:
    text = """
    source "box" "a" { fail = ["resolve"] }
    build { sources = ["source.box.a"] }
    build {
      name = "again"
      sources = ["source.box.a"]
    }
    """
    result = shop.apply(text)
    assert [lane.status for lane in result.lanes] == ["failed", "failed"]
    assert len(result.failures) == 1
    assert result.failures[0].diagnostics[0].detail == "no source\nLook elsewhere."
    assert happened.lines == ["resolve a"]


def test_lanes_do_not_disturb_each_other(shop: Shop) -> None:
    text = """
    source "box" "a" {}
    source "box" "b" { fail = ["launch"] }
    source "box" "c" {}
    build { sources = ["source.box.a", "source.box.b", "source.box.c"] }
    """
    result = shop.apply(text, parallel_builds=2)
    assert [lane.status for lane in result.lanes] == ["succeeded", "failed", "succeeded"]
    assert shop.files() == ["output-a/image.raw", "output-c/image.raw"]
    assert result.exit_code == 1


def test_retries_run_the_provisioner_again(shop: Shop) -> None:
    build = 'provisioner "do" {\nfail_times = 2\nretry {\nattempts = 3\ndelay = "1ms"\n}\n}'
    result = shop.apply(template(build=build))
    assert result.ok
    assert result.nodes["box.a/provision[0]:do"].attempts == 3
    assert [e.error for e in shop.tape.of(NodeRetrying)] == ["failure 1", "failure 2"]


def test_a_launch_that_is_tried_again_first_undoes_the_last_attempt(shop: Shop) -> None:
    result = shop.apply(template(box='fail = ["launch-once"]'), on_error="ask", prompter=Script("r"))
    assert result.ok
    launch = "launch a from source of "
    assert happened.lines[1:6] == ["plug a", launch, "unplug a", "plug a", launch]


def test_a_timeout_wakes_what_waits_for_the_machine(shop: Shop) -> None:
    """The connection was made by another node, with another token, and works again for the next one."""
    build = """
    provisioner "do" {
      run = ["hang"]
      timeout = "100ms"
      continue_on_error = true
    }
    provisioner "do" { run = ["next"] }
    """
    result = shop.apply(template(build=build))
    assert result.ok
    assert "ran next" in happened.lines
    assert "ran hang" not in happened.lines
    (warning,) = shop.tape.of(Said, level="warning")
    assert "did not end within 100ms" in warning.text


def test_error_cleanup_uses_the_machine_after_a_timeout(shop: Shop) -> None:
    build = """
    provisioner "do" {
      run = ["hang"]
      timeout = "100ms"
    }
    error-cleanup-provisioner "do" { run = ["rescue"] }
    """
    result = shop.apply(template(build=build))
    assert happened.lines[-2:] == ["attempt box.a/error-cleanup:do", "unplug a"]
    assert "ran rescue" in happened.lines
    assert isinstance(result.failures[0].error, TimedOut)
    assert len(result.failures) == 1


def test_a_failing_error_cleanup_is_only_told(shop: Shop) -> None:
    build = 'provisioner "do" { fail_times = 1 }\nerror-cleanup-provisioner "do" { fail_times = 1 }'
    result = shop.apply(template(build=build))
    assert statuses(result)["error-cleanup:do"] == "succeeded"
    assert [e.text for e in shop.tape.of(Said, level="warning")] == [
        '"Running error-cleanup-provisioner do" failed: failure 1'
    ]
    assert len(result.failures) == 1


# -- what cannot be undone ----------------------------------------------------------


def test_a_failing_undo_stops_neither_the_others_nor_the_artifact(shop: Shop) -> None:
    result = shop.apply(template(box='fail = ["undo"]', build='post-processor "note" { output = "n.txt" }'))
    assert statuses(result)["teardown"] == "failed"
    assert statuses(result)["post-process[0.0]:note"] == "succeeded"
    assert shop.files() == ["n.txt", "output-a/image.raw"]
    (left,) = result.left_behind
    assert (left.lane, left.what, left.reason) == ("box.a", "Unplugging", "the plug is stuck")
    assert result.exit_code == 1
    assert result.failures[0].diagnostics[0].summary == "Clean-up incomplete"
    assert len(result.lanes[0].artifacts) == 2


def test_what_a_provisioner_cannot_undo_fails_it(shop: Shop) -> None:
    result = shop.apply(template(build='provisioner "do" { own = true }'))
    assert statuses(result)["provision[0]:do"] == "failed"
    assert str(result.failures[0].error) == "Something was left behind: the plug is stuck"


def test_a_failing_undo_hides_no_earlier_error(shop: Shop) -> None:
    result = shop.apply(template(build='provisioner "do" {\nown = true\nfail_times = 1\n}'))
    assert str(result.failures[0].error) == "failure 1"
    assert [e.reason for e in shop.tape.of(LeftBehind)] == ["the plug is stuck"]


# -- on-error -----------------------------------------------------------------------


class Script:
    interactive = True

    def __init__(self, *answers: str) -> None:
        self.answers, self.questions = list(answers), []

    def ask(self, question: str, cancel: CancelToken) -> str:
        self.questions.append(question)
        return self.answers.pop(0)


FAILING = 'provisioner "do" { fail_times = 1 }\nerror-cleanup-provisioner "do" { say = ["rescue"] }'


def test_abort_leaves_everything_and_tells_what(shop: Shop) -> None:
    result = shop.apply(template(build=FAILING), on_error="abort")
    assert "unplug a" not in happened.lines
    assert "say rescue" not in happened.lines
    assert [e.what for e in shop.tape.of(LeftBehind, lane="box.a")] == [
        "Closing output directory", "Removing private directory", "Unplugging",
    ]  # fmt: skip
    listed = [left.what.partition(" ")[0] for left in result.left_behind if not left.lane]
    assert listed == ["directory", "directory"]
    assert (shop.folder / "output-a").is_dir()


def test_abort_cleans_up_after_a_success(shop: Shop) -> None:
    result = shop.apply(template(), on_error="abort")
    assert result.ok
    assert happened.lines[-1] == "unplug a"
    assert result.left_behind == ()


def test_run_cleanup_provisioner_leaves_everything_but_runs_it(shop: Shop) -> None:
    shop.apply(template(build=FAILING), on_error="run-cleanup-provisioner")
    assert "say rescue" in happened.lines
    assert "unplug a" not in happened.lines


def test_ask_aborts_only_the_lane_that_it_was_asked_about(shop: Shop) -> None:
    text = """
    source "box" "a" { fail = ["launch"] }
    source "box" "b" {}
    build { sources = ["source.box.a", "source.box.b"] }
    """
    script = Script("a")
    result = shop.apply(text, on_error="ask", prompter=script)
    assert [lane.status for lane in result.lanes] == ["failed", "succeeded"]
    assert "unplug a" not in happened.lines
    assert "unplug b" in happened.lines
    (question,) = script.questions
    assert question.startswith('"Launching box" failed: no machine\n[c] Clean up and exit, [a] abort')


@pytest.mark.parametrize(("options", "name"), [({"debug": True}, "-debug"), ({"on_error": "ask"}, "-on-error=ask")])
def test_what_asks_needs_a_terminal(shop: Shop, options: dict[str, Any], name: str) -> None:
    with pytest.raises(BuildError, match=f"{name} asks questions"):
        shop.apply(template(), **options)
    assert not shop.home.exists()


def test_debug_pauses_before_steps_provisioners_and_clean_up_and_takes_lanes_in_turn(shop: Shop) -> None:
    script = Script(*[""] * 100)
    text = """
    source "box" "a" {}
    source "box" "b" {}
    build {
      sources = ["source.box.a", "source.box.b"]
      provisioner "do" {}
    }
    """
    result = shop.apply(text, debug=True, prompter=script, parallel_builds=4)
    assert result.ok
    teardown = shop.plan(text).nodes["box.a/teardown"].title
    titles = ["Plugging in", "Creating private directory", "Creating output directory"]
    titles += ["Running provisioner do", teardown]
    assert script.questions == [f"Next: {title}. Press enter to continue." for title in titles] * 2
    assert happened.lines.index("unplug a") < happened.lines.index("plug b")


# -- artifacts ----------------------------------------------------------------------

PACK = 'post-processor "pack" {\noutput = "a.pack"\n%s\n}'


@pytest.mark.parametrize(
    ("chains", "files"),
    [
        pytest.param("", ["output-a/image.raw"], id="none"),
        pytest.param(PACK % "", ["a.pack"], id="not kept"),
        pytest.param(PACK % "keep_input_artifact = true", ["a.pack", "output-a/image.raw"], id="kept"),
        pytest.param(PACK % "fail = true", ["output-a/image.raw"], id="a failing one keeps its input"),
        pytest.param(
            'post-processor "note" {\noutput = "n"\nkeep_input_artifact = false\n}',
            ["n", "output-a/image.raw"],
            id="forced",
        ),
        pytest.param(
            (PACK % "") + '\npost-processor "note" { output = "n" }',
            ["a.pack", "n", "output-a/image.raw"],
            id="one chain of two keeps",
        ),
        pytest.param(
            (PACK % "") + '\npost-processor "pack" {\noutput = "b.pack"\nfail = true\n}',
            ["a.pack", "output-a/image.raw"],
            id="one chain of two fails",
        ),
        pytest.param(
            f'post-processors {{\n{PACK % ""}\npost-processor "pack" {{ output = "b.pack" }}\n}}',
            ["b.pack"],
            id="what is in between goes",
        ),
        pytest.param(
            f'post-processors {{\n{PACK % ""}\npost-processor "pack" {{\noutput = "b.pack"\nfail = true\n}}\n}}',
            ["a.pack"],
            id="the input of the one that failed stays",
        ),
        pytest.param(
            f'post-processors {{\npost-processor "note" {{ output = "n" }}\n{PACK % ""}\n}}',
            ["a.pack", "output-a/image.raw"],
            id="files that a kept artifact has stay",
        ),
    ],
)
def test_which_artifacts_stay(shop: Shop, chains: str, files: list[str]) -> None:
    result = shop.apply(template(box='text = "x"', build=chains))
    assert result.ok is ("fail" not in chains)
    assert shop.files() == files
    listed = {str(Path(name)) for artifact in result.lanes[0].artifacts for name in artifact.files}
    assert {str(Path(name).absolute().relative_to(shop.folder)) for name in listed} == set(files)


def test_chains_run_one_after_another_whatever_becomes_of_them(shop: Shop) -> None:
    chain = 'post-processor "pack" {\noutput = "%d.pack"\nfail = %s\n}'
    build = "\n".join(chain % (number, str(number == 1).lower()) for number in range(4))
    result = shop.apply(template(build=build))
    packed = [line for line in happened.lines if line.startswith("pack ")]
    assert len(packed) == 4
    assert shop.files() == ["0.pack", "2.pack", "3.pack", "output-a/image.raw"]
    assert [failure.node for failure in result.failures] == ["box.a/post-process[1.0]:pack"]


def test_an_artifact_that_cannot_be_removed_is_told(shop: Shop) -> None:
    build = 'post-processor "pack" { output = "a.pack" }'
    result = shop.apply(template(box='output = "stuck"', build=build))
    (left,) = result.left_behind
    assert (left.node, left.reason) == ("box.a/release", "it is stuck")
    assert statuses(result)["release"] == "failed"
    assert shop.files() == ["a.pack", "stuck/image.raw"]
    assert len(result.lanes[0].artifacts) == 2


def test_a_cancelled_chain_keeps_what_there_is(shop: Shop) -> None:
    interrupts = Interrupts()
    run = in_thread(shop, template(build='post-processor "pack" { wait = true }'), interrupts)
    happened.wait_for("waiting")
    interrupts.cancel.cancel()
    result = run()
    assert shop.files() == ["output-a/image.raw"]
    assert len(result.lanes[0].artifacts) == 1


def test_another_build_starts_from_an_artifact(shop: Shop) -> None:
    text = """
    source "box" "base" { text = "base" }
    source "box" "web" { text = "${artifact.box.base.path} (${artifact.box.base.state.size})" }
    build {
      sources = ["source.box.base"]
      post-processor "pack" { output = "base.pack" }
    }
    build { sources = ["source.box.web"] }
    """
    result = shop.apply(text, parallel_builds=1)
    assert result.ok
    image = shop.folder / "output-base" / "image.raw"
    assert (shop.folder / "output-web/image.raw").read_text() == f"{image} (4)"
    assert not image.exists(), "it is released after the last that reads it"


# -- what is known late ----------------------------------------------------------------


def test_what_the_machine_tells_reaches_provisioners_and_post_processors(shop: Shop) -> None:
    build = """
    provisioner "do" {
      say = [build.ID, build.Host, "${build.Port + 1}", build.Flavour, build.ConnType, build.User, build.PackerRunUUID]
    }
    post-processor "pack" {
      output = "${build.Host}.pack"
      keep_input_artifact = true
    }
    """
    result = shop.apply(template(build=build))
    assert result.ok
    said = [line.removeprefix("say ") for line in happened.lines if line.startswith("say ")]
    assert said == ["box-a", "10.0.0.1", "23", "sweet", "fake", "", result.id]
    assert "10.0.0.1.pack" in shop.files()


def test_go_templates_see_the_run(shop: Shop) -> None:
    build = 'provisioner "do" { say = ["{{build_name}} {{build `Host`}} {{build `User`}} {{timestamp}}"] }'
    shop.apply(template(build=build), started=1000.5)
    assert "say a 10.0.0.1  1000" in happened.lines


def test_a_wrong_go_template_is_a_diagnostic(shop: Shop) -> None:
    result = shop.apply(template(build='provisioner "do" { say = ["{{build `Nope`}}"] }'))
    (diagnostic,) = result.failures[0].diagnostics
    assert diagnostic.summary == "Invalid template string"
    assert diagnostic.subject is not None
    assert "{{build `Nope`}}" in diagnostic.subject.text


def test_settings_that_turn_out_to_be_wrong_are_diagnostics(shop: Shop) -> None:
    result = shop.apply(template(build='provisioner "do" { fail_times = build.Host }'))
    (diagnostic,) = result.failures[0].diagnostics
    assert diagnostic.summary == "Incorrect value"
    assert diagnostic.subject is not None
    assert diagnostic.subject.text == "build.Host"
    assert "attempt box.a/provision[0]:do" not in happened.lines


def test_data_sources_are_read_first_and_reach_locals(shop: Shop) -> None:
    before = """
    data "look" "it" { value = "x" }
    data "look" "next" { value = data.look.it.value }
    locals { both = "${data.look.it.value} and ${data.look.next.value}" }
    """
    result = shop.apply(template(before=before, box="text = local.both"))
    assert result.ok
    assert (shop.folder / "output-a/image.raw").read_text() == "found x and found found x"
    assert happened.lines[:2] == ["look x", "look found x"]


# -- secrets ----------------------------------------------------------------------------


def test_secrets_are_hidden_everywhere(shop: Shop) -> None:
    before = """
    variable "key" {
      default = "s3cr3t-var"
      sensitive = true
    }
    data "look" "it" { secret = "s3cr3t-data" }
    """
    build = """
    provisioner "do" {
      say = ["${var.key} ${data.look.it.secret} ${build.Password} ${build.Token}", "typed-pass"]
      run = [var.key]
    }
    provisioner "do" {
      bug = build.Password != ""
      say = [build.Password]
    }
    """
    result = shop.apply(template(before=before, box='password = "typed-pass"', build=build))
    texts = [e.text for kind in (Said, Output) for e in shop.tape.of(kind)]
    assert texts[:2] == ["<sensitive>", "<sensitive>"]
    assert "ran <sensitive>" in texts
    kept = "".join(path.read_text() for path in result.directory.rglob("*") if path.is_file())
    shown = repr([e.to_json() for e in shop.tape.events]) + kept + repr(result.failures[0].diagnostics)
    for secret in ("s3cr3t-var", "s3cr3t-data", "typed-pass", "tok-1"):
        assert secret not in shown


def test_an_output_that_breaks_does_not_stop_the_build(shop: Shop) -> None:
    shop.tape.events = None  # what handles an event now fails
    result = shop.apply(template())
    assert result.ok
    assert [type(error) for error in result.sink_errors] == [AttributeError]
    assert (result.directory / "events.jsonl").read_text().endswith('"status":"succeeded"}\n')


# -- bugs -------------------------------------------------------------------------------


def test_a_bug_is_reported_with_its_traceback_in_the_run_directory(shop: Shop) -> None:
    result = shop.apply(template(build='provisioner "do" { bug = true }'))
    error = result.failures[0].error
    assert str(error) == "Internal error: KeyError: 'missing'"
    bugs = result.directory / "logs/bugs.log"
    assert result.failures[0].diagnostics[0].detail.endswith(f"Please report it, with what {bugs} says.")
    text = bugs.read_text()
    assert text.startswith("box.a/provision[0]:do\nTraceback")
    assert "engine_components.py" in text
    assert happened.lines[-1] == "unplug a"


# -- interrupts -------------------------------------------------------------------------


def in_thread(shop: Shop, text: str, interrupts: Interrupts, **options: Any):
    """Run it on a thread; what is returned waits for the result."""
    results: list[RunResult] = []
    thread = threading.Thread(target=lambda: results.append(shop.apply(text, interrupts=interrupts, **options)))
    thread.start()

    def result() -> RunResult:
        thread.join(300)
        assert results, happened.lines
        return results[0]

    return result


@pytest.mark.parametrize(
    ("box", "build", "moment"),
    [
        ("hang = true", "", "launch a from source of "),
        ("", 'provisioner "do" { wait = true }', "waiting"),
        ("", 'provisioner "do" { run = ["hang"] }', "hanging"),
    ],
)
def test_an_interrupt_cancels_and_cleans_up(shop: Shop, box: str, build: str, moment: str) -> None:
    interrupts = Interrupts()
    run = in_thread(shop, template(box=box, build=build), interrupts)
    happened.wait_for(moment)
    interrupts.cancel.cancel()
    result = run()
    assert (result.status, result.exit_code, result.stopped) == ("cancelled", 130, False)
    assert happened.lines[-1] == "unplug a"
    assert shop.files() == []
    assert result.left_behind == ()
    assert result.failures == ()
    assert [e.status for e in shop.tape.of(LaneFinished)] == ["cancelled"]
    assert shop.tape.of(Said, level="warning")[0].text.startswith("Interrupted: cancelling the builds")


def test_an_interrupt_under_abort_leaves_everything(shop: Shop) -> None:
    interrupts = Interrupts()
    run = in_thread(shop, template(build='provisioner "do" { wait = true }'), interrupts, on_error="abort")
    happened.wait_for("waiting")
    interrupts.cancel.cancel()
    result = run()
    assert "unplug a" not in happened.lines
    assert "Unplugging" in [left.what for left in result.left_behind]


def test_the_undo_half_may_wait_after_an_interrupt(shop: Shop) -> None:
    """The plug's undo sleeps on its context's token, which was the cancelled one."""
    test_an_interrupt_cancels_and_cleans_up(shop, "", 'provisioner "do" { wait = true }', "waiting")
    assert [e.title for e in shop.tape.of(StepStarted, undo=True)] == [
        "Closing output directory", "Removing private directory", "Unplugging",
    ]  # fmt: skip


# -- the run directory ------------------------------------------------------------------


def test_the_run_directory_tells_the_whole_story(shop: Shop) -> None:
    result = shop.apply(template(build='provisioner "do" {\nsay = ["hi"]\nrun = ["ls"]\n}'))
    assert result.directory.parent == shop.home / "runs"
    assert result.directory.stat().st_mode & 0o777 == 0o700
    events = [json.loads(line) for line in (result.directory / "events.jsonl").read_text().splitlines()]
    assert len(events) == len(shop.tape.events)
    assert (events[0]["type"], events[-1]["type"]) == ("run_started", "run_finished")
    lane = (result.directory / "logs/box.a.log").read_text()
    assert " hi\n" in lane
    assert "   ran ls\n" in lane
    own = (result.directory / "logs/box.a/provision[0]:do.log").read_text()
    assert [line[9:] for line in own.splitlines()] == ["hi", "  ran ls"]
    assert "== Running provisioner do" in lane
    assert not (result.directory / "logs/shared").exists(), "nodes that say nothing have no log"
    assert NodeFinished.kind in {event["type"] for event in events}


def test_nothing_is_open_in_the_journal_after_a_run(shop: Shop) -> None:
    from hclimg.engine.reclaim import left_over

    result = shop.apply(template(box="process = true"))
    journal = (result.directory / "resources.jsonl").read_text()
    assert journal.count('"intend"') == 3
    assert left_over(shop.home) == []
