"""A cause is one file: put into the folder, it is found, charged, explained and known as a label."""

from pathlib import Path

from tests.tree import copy_tree, run_python

RULE = '''
"""Moonlight: a cause that no other file knows of."""

from harness.causes.cause import CauseRule
from harness.causes.charge import Slows


def condition(contrast):
    """Yield half of what the loop's readers wait for."""
    yield Slows(contrast.grew("pre") / 2)


rule = CauseRule(
    name="moonlight",
    condition=condition,
    sentence=lambda cause, scene: f"the moon shines on {scene.loaded.route} for {cause.share:.0%} of the delay",
    advice="Draw the curtains.",
)
'''

ASK = """
from harness.causes.bounds import bounds_of
from harness.causes.cause import Scene, explain
from harness.causes.diagnosis import diagnose
from tests.harness.causes.made_up import DEMANDS, LEVEL, spending, symptoms

alone, loaded = symptoms(spending(pre=0.0, served=20.0)), symptoms(spending(pre=80.0, served=20.0))
scene = Scene(LEVEL, alone, loaded, DEMANDS, bounds_of(LEVEL, DEMANDS, cores=1), cores=1)
for explained in explain(diagnose(alone, loaded).causes, scene):
    print(explained.cause.name, "|", explained.sentence, "|", explained.advice)
"""


def test_a_cause_that_is_put_into_the_folder_is_found_and_explained(tmp_path: Path):
    tree = copy_tree(tmp_path)
    assert run_python(tree, "-c", ASK).stdout == ""
    (tree / "harness/causes/rules/moonlight.py").write_text(RULE)
    told = run_python(tree, "-c", ASK)
    assert told.stdout == "moonlight | the moon shines on /a/sync for 50% of the delay | Draw the curtains.\n", (
        told.stderr
    )


def test_two_files_cannot_describe_the_same_cause(tmp_path: Path):
    tree = copy_tree(tmp_path)
    (tree / "harness/causes/rules/moonlight.py").write_text(RULE.replace('name="moonlight"', 'name="CPU"'))
    assert "moonlight.py: another file has a cause called 'CPU'" in run_python(tree, "-c", ASK).stderr
