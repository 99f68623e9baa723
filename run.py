"""The one door to the study: set everything up in .venv, then run it, test it or open it.

Standard library only, and plain enough for an old Python to read, so that it can say what is wrong with it.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(ROOT, ".venv")
STAMP = os.path.join(VENV, "sharpstudy-setup.txt")
LOG = os.path.join(VENV, "sharpstudy-setup.log")
REPORT = os.path.join(ROOT, "results", "report.html")
OLDEST, NEWEST = (3, 10), (3, 13)
NEEDED_GB = 7.0

HELP = """\
usage: python run.py WORD [arguments]

  study [STAGE or RECIPE ...]  set up, then run the study (dvc repro); says where the report is
                               e.g. python run.py study, python run.py study data, python run.py study --dry
  test  [pytest arguments]     set up, then run the tests, e.g. python run.py test -k frames
  lint                         ruff over package, tests and notebooks; notebooks hold no outputs
  lab   [jupyter arguments]    set up with JupyterLab, then open the notebooks
  clean [--all]                remove what the study wrote (data, build, work, results but results/reference,
                               DVC's cache); --all removes .venv too
  setup                        only set up

Everything is installed into .venv beside this file (6.3 GB with GPU-enabled PyTorch on Linux, under 2 GB
elsewhere), in the exact versions of constraints.txt; nothing outside this folder is changed but pip's cache.
On Linux without a GPU, this avoids the CUDA packages:
  PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu python run.py study
"""


class SetupError(Exception):
    """Something outside the study stops it; the text is one sentence for the user."""


def say(text):
    """Print one line at once, so that it stands before what the commands print."""
    print(text)
    sys.stdout.flush()


def check_python(version, which=None):
    """Refuse a Python that the pinned versions do not exist for, naming one on PATH that would do."""
    if OLDEST <= tuple(version[:2]) <= NEWEST:
        return
    which = which or getattr(shutil, "which", lambda name: None)
    names = ["python3.{}".format(minor) for minor in range(NEWEST[1], OLDEST[1] - 1, -1)]
    found = [name for name in names if which(name)]
    hint = (
        "{} is on this machine: run `{} run.py ...`".format(found[0], found[0])
        if found
        else ("install one, for example from python.org or with conda")
    )
    raise SetupError(
        "sharpstudy needs Python {}.{} to {}.{}, and this is Python {}.{}; {}.".format(
            *(OLDEST + NEWEST + tuple(version[:2]) + (hint,))
        )
    )


def check_disk(free_bytes):
    """Refuse to start an installation that would fill the disk."""
    free = free_bytes / 1e9
    if free < NEEDED_GB:
        raise SetupError(
            "The set-up needs about {:.0f} GB in {}, and {:.1f} GB are free there; "
            "make room, or put the folder on a larger disk.".format(NEEDED_GB, ROOT, free)
        )


def venv_python():
    """The interpreter inside .venv."""
    return os.path.join(VENV, *(("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")))


def environment():
    """The variables that every command runs with: the venv first on PATH, UTF-8, no Jupyter surprises."""
    env = dict(os.environ)
    env["PATH"] = os.path.dirname(venv_python()) + os.pathsep + env.get("PATH", "")
    env["VIRTUAL_ENV"] = VENV
    env["PYTHONUTF8"] = "1"
    env["JUPYTER_PREFER_ENV_PATH"] = "1"
    env.pop("PYTHONHOME", None)
    return env


def call(arguments, quiet=False):
    """The exit code of a command, run in the project's folder after saying what it is."""
    if not quiet:
        say("+ " + " ".join(["python" if word == venv_python() else word for word in arguments]))
    child = subprocess.Popen(arguments, cwd=ROOT, env=environment())
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:  # the child got it too: let it close what it holds, then report its code
            continue


def fingerprint():
    """What the installed environment depends on, as a hash."""
    digest = hashlib.sha256(("{} {}".format(sys.version, ROOT)).encode("utf-8"))
    for name in ("pyproject.toml", "constraints.txt"):
        with open(os.path.join(ROOT, name), "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def venv_fits():
    """Whether .venv exists and was made by this version of Python."""
    try:
        with open(os.path.join(VENV, "pyvenv.cfg")) as file:
            made_by = [line.split("=")[1].strip() for line in file if line.startswith("version")]
    except OSError:
        return False
    return os.path.exists(venv_python()) and made_by == ["{}.{}.{}".format(*sys.version_info[:3])]


def installed_extras():
    """The extras that .venv holds for the present fingerprint; None where it has to be made anew."""
    try:
        with open(STAMP) as file:
            stamp, extras = file.read().split("\n")[:2]
    except (OSError, ValueError):
        return None
    return set(extras.split(",")) if stamp == fingerprint() and os.path.exists(venv_python()) else None


def install(extras):
    """Run pip with a line of progress on the screen and everything it says in a log."""
    target = ".[{}]".format(",".join(sorted(extras)))
    command = [venv_python(), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    command += ["-c", "constraints.txt", "-e", target]
    say(
        "+ python -m pip install -c constraints.txt -e {}   (log: {})".format(
            target, os.path.relpath(LOG, ROOT)
        )
    )
    started, seen = time.time(), 0
    with open(LOG, "w", encoding="utf-8") as log:
        pip = subprocess.Popen(
            command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        for raw in pip.stdout:
            line = raw.decode("utf-8", "replace")
            log.write(line)
            seen += line.startswith("Collecting")
            if sys.stdout.isatty() and line.split(" ")[0] in ("Collecting", "Installing", "Building"):
                state = "  {:4.0f} s  {:3d} packages  {}".format(time.time() - started, seen, line.strip())
                sys.stdout.write("\r" + state[:78].ljust(78))
                sys.stdout.flush()
    if sys.stdout.isatty():
        sys.stdout.write("\r" + " " * 78 + "\r")
    if pip.wait() != 0:
        with open(LOG, encoding="utf-8") as log:
            lines = [line.rstrip() for line in log if not line.startswith("WARNING: Location")]
        say("\n".join(lines[-15:]))
        raise SetupError(
            "pip could not install the packages (its last lines stand above, all of them in {}).".format(LOG)
        )
    say("  installed in {:.0f} s".format(time.time() - started))


def check_torch():
    """Refuse a torch and torchvision that do not fit each other, which shows only on import."""
    code = (
        "import torch, torchvision; print('torch', torch.__version__, 'torchvision', torchvision.__version__)"
    )
    child = subprocess.Popen(
        [venv_python(), "-c", code],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    said = child.communicate()[0].decode("utf-8", "replace").strip()
    if child.returncode != 0:
        last = said.split("\n")[-1]
        raise SetupError(
            "torch and torchvision do not work together here ({}); both must be the builds that "
            "constraints.txt names, from one package index: remove .venv, unset PIP_FIND_LINKS and the like, "
            "and run this again.".format(last)
        )
    say("  " + said.split("\n")[-1])


def prepare(extras):
    """Make .venv what pyproject.toml and constraints.txt say, doing nothing where it is so already."""
    check_python(sys.version_info)
    have = installed_extras()
    if have is None or not extras <= have:
        if not venv_fits():
            check_disk(shutil.disk_usage(ROOT).free)
            say("+ python -m venv .venv")
            if subprocess.call([sys.executable, "-m", "venv", "--clear", VENV]) != 0:
                raise SetupError(
                    "Python could not make the virtual environment .venv; on Debian or Ubuntu install the "
                    "package python3-venv, elsewhere see the message above."
                )
        extras = extras | (have or set())
        install(extras)
        check_torch()
        with open(STAMP, "w") as file:
            file.write(fingerprint() + "\n" + ",".join(sorted(extras)) + "\n")
    if not os.path.exists(os.path.join(ROOT, ".git")):  # a downloaded zip: DVC must not look for git
        call([venv_python(), "-m", "dvc", "config", "--local", "core.no_scm", "true"], quiet=True)


def stage_names():
    """The names of all stages in dvc.yaml, matrix stages written out."""
    listing = subprocess.check_output(
        [venv_python(), "-m", "dvc", "stage", "list", "--name-only"], cwd=ROOT, env=environment()
    )
    return listing.decode("utf-8").split()


def targets(words, names):
    """Words for dvc repro: a stage as it is, a recipe as all the stages made for it, an option untouched."""
    chosen = []
    for word in words:
        matches = [
            name
            for name in names
            if name == word or name.split("@")[-1] == word or name.split("@")[0] == word
        ]
        if not matches and not word.startswith("-"):
            known = sorted(set(names) | {name.split("@")[1] for name in names if "@" in name})
            raise SetupError(
                "There is no stage or recipe {!r}; there are: {}.".format(word, ", ".join(known))
            )
        chosen += matches or [word]
    return chosen


def study(words):
    """Run the pipeline and say where the report is."""
    prepare({"test"})
    started = time.time()
    code = call([venv_python(), "-m", "dvc", "repro"] + (targets(words, stage_names()) if words else []))
    took = "{} min {:02d} s".format(*divmod(round(time.time() - started), 60))
    if code != 0:
        say(
            "\nThe study stopped after {}; what went wrong stands above, and `python run.py study` "
            "goes on from there.".format(took)
        )
        return code
    say("\nThe study took {}.".format(took))
    if os.path.exists(REPORT) and not words:
        say("The report: {}".format(REPORT))
    return 0


def make_writable(folder):
    """Let everything in a folder be removed: DVC keeps its cache read-only, which Windows takes literally."""
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            if not os.path.islink(path) and not os.access(path, os.W_OK):
                os.chmod(path, 0o644)


def clean(words):
    """Remove what the study wrote."""
    if set(words) - {"--all"}:
        raise SetupError("clean takes no argument but --all, and got {}.".format(" ".join(words)))
    results = os.path.join(ROOT, "results")
    inside = [os.path.join("results", name) for name in os.listdir(results)] if os.path.isdir(results) else []
    doomed = ["data", "build", "work", os.path.join(".dvc", "cache"), os.path.join(".dvc", "tmp")]
    doomed += [name for name in inside if os.path.basename(name) != "reference"] + (
        [".venv"] if words else []
    )
    for name in doomed:
        path = os.path.join(ROOT, name)
        if os.path.isdir(path):
            make_writable(path)
            shutil.rmtree(path)
        elif os.path.exists(path):
            os.remove(path)
        else:
            continue
        say("removed {}".format(name))
    return 0


def lint(words):
    """Style of package, tests and notebooks; the first complaint decides the exit code, all are shown."""
    prepare({"test"})
    python = venv_python()
    codes = [
        call([python, "-m", "ruff", "check", "."] + words),
        call([python, "-m", "ruff", "format", "--check", "."]),
        call([python, "-m", "sharpstudy.stage", "--check-notebooks"]),
    ]
    return max(codes)


def main(words):
    """The exit code of one word of the command line."""
    if not words or words[0] in ("-h", "--help", "help"):
        say(HELP)
        return 0 if words else 2
    word, rest = words[0], words[1:]
    if word == "study":
        return study(rest)
    if word == "test":
        prepare({"test"})
        return call([venv_python(), "-m", "pytest"] + rest)
    if word == "lint":
        return lint(rest)
    if word == "lab":
        prepare({"lab", "test"})
        return call([venv_python(), "-m", "jupyter", "lab", "--notebook-dir", ROOT] + rest)
    if word == "clean":
        return clean(rest)
    if word == "setup":
        prepare({"test"})
        return 0
    raise SetupError("There is no word {!r}; `python run.py --help` lists them.".format(word))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except SetupError as error:
        sys.exit("run.py: {}".format(error))
    except OSError as error:
        sys.exit("run.py: {}.".format(error))
    except KeyboardInterrupt:
        sys.exit("run.py: stopped.")
