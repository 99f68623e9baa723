// Answers are kept in this browser the moment they are given, and sent to the study's own server where there is one.

const PREFIX = "mos:" + study.study + ":";
const WAITS = [500, 1000, 2000, 5000, 10000];
let keeping = true; // whether this browser keeps anything

function recall(name) {
  try { return JSON.parse(localStorage.getItem(PREFIX + name)); } catch { return null; }
}

function remember(name, value) {
  try { localStorage.setItem(PREFIX + name, JSON.stringify(value)); } catch { keeping = false; }
}

function forget(rater) {
  try {
    for (const name of Object.keys(localStorage)) {
      if (name.startsWith(PREFIX) && name.endsWith(":" + rater)) localStorage.removeItem(name);
    }
    if (recall("rater") === rater) localStorage.removeItem(PREFIX + "rater");
  } catch { /* nothing was kept */ }
}

function newRater() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function device() {
  return {
    user_agent: navigator.userAgent,
    screen_width: screen.width,
    screen_height: screen.height,
    density: devicePixelRatio,
    depth: screen.colorDepth,
    touch: navigator.maxTouchPoints > 0,
    look: matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light",
    language: navigator.language,
    automated: navigator.webdriver === true,
  };
}

function keyOf(state) { return "session:" + state.session + ":" + state.rater; }

function save(state) { if (!state.gone) remember(keyOf(state), state); }

async function ask(method, path, body) {
  const options = { method, headers: { "Content-Type": "application/json" }, cache: "no-store" };
  if (body) options.body = JSON.stringify(body);
  const answer = await fetch(path, options);
  if (!answer.ok) {
    const error = new Error("the server answered " + answer.status);
    error.status = answer.status;
    throw error;
  }
  return answer.json();
}

function pending(state) {
  return Object.values(state.votes).filter((vote) => (state.sent[vote.trial] || 0) < vote.revision);
}

// Send what the server has not confirmed, in small portions, again and again until it has.
const sender = { busy: false, tries: 0, refused: "" };

async function send(state) {
  if (!study.server || sender.busy || state.gone || !pending(state).length) return;
  sender.busy = true;
  try {
    const votes = pending(state).slice(0, 20);
    const answer = await ask("POST", "api/votes", { rater: state.rater, votes });
    for (const [trial, revision] of Object.entries(answer.stored)) state.sent[trial] = revision;
    save(state);
    sender.tries = 0;
    sender.refused = "";
  } catch (error) {
    sender.tries += 1;
    sender.refused = error.status >= 400 && error.status < 500 ? error.message : "";
  }
  sender.busy = false;
  document.dispatchEvent(new Event("sent"));
  const wait = sender.tries ? WAITS[Math.min(sender.tries, WAITS.length) - 1] : 0;
  if (pending(state).length) setTimeout(() => send(state), wait);
}

function exported(state) {
  const votes = Object.values(state.votes);
  return JSON.stringify({
    format: "sharpstudy-mos-answers/1",
    study: study.study, session: state.session, rater: state.rater, seat: state.seat,
    consent_at: state.consent_at, device: state.device, votes,
  }, null, 1);
}

function answerFile(state) {
  const name = "answers-" + study.study + "-s" + state.session + "-" + state.rater.slice(0, 8) + ".json";
  return new File([exported(state)], name, { type: "application/json" });
}

function download(file) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = file.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
