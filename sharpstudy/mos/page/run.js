// The course of a session: consent, practice, trials, the end; and what is measured on the way.

const wanted = new URLSearchParams(location.hash.slice(1));
const sessionNow = study.sessions.find((one) => String(one.session) === wanted.get("session")) || study.sessions[0];
sessionNow.minutes = (Object.values(sessionNow.seats)[0].length * study.seconds_a_vote) / 60;
let state = null;
let now = null; // the trial on the screen

function trialAt(at) {
  const rows = sessionNow.seats[state.seat];
  const [block, practice, ...shown] = rows[at];
  const name = "s" + sessionNow.session + "-r" + state.seat + "-t" + (at + 1);
  return { name, at, block, practice: practice === 1, shown, position: at + 1, of: rows.length };
}

function begin() {
  const rater = /^[0-9a-f]{32}$/.test(wanted.get("rater") || "") ? wanted.get("rater") : recall("rater");
  const kept = rater && recall("session:" + sessionNow.session + ":" + rater);
  if (kept) return welcomeBack(kept);
  return consentCard(() => join(rater || newRater()));
}

function welcomeBack(kept) {
  state = kept;
  const total = sessionNow.seats[state.seat].length;
  if (state.at >= total) return finish();
  return card("Welcome back", [text("You have answered " + state.at + " of " + total + ".")], [
    button("Go on", () => enter(), { className: "main", id: "resume" }),
    button("I am somebody else", () => { wanted.delete("seat"); consentCard(() => join(newRater())); }, { id: "other" }),
  ]);
}

async function join(rater) {
  const fresh = { rater, session: sessionNow.session, seat: chosenSeat(rater), at: 0, votes: {}, sent: {}, device: device(), consent_at: new Date().toISOString() };
  if (study.server) {
    try {
      const answer = await ask("POST", "api/join", { rater, consent: true, device: fresh.device });
      fresh.seat = String(answer.seat);
      const before = await ask("GET", "api/answers?rater=" + rater);
      takeUp(fresh, before.votes);
    } catch (error) {
      return card("The study cannot be reached", [text("Please try again in a moment (" + error.message + ").")],
        [button("Try again", () => join(rater), { className: "main", id: "again" })]);
    }
  }
  state = fresh;
  remember("rater", rater);
  save(state);
  if (!keeping) notice("This browser keeps nothing. Please do not close the page before the end.");
  return instructionCard(() => enter());
}

// What the server has of a rater who comes back on another device.
function takeUp(fresh, votes) {
  const rows = sessionNow.seats[fresh.seat];
  for (const vote of votes.filter((one) => one.trial.startsWith("s" + fresh.session + "-"))) {
    fresh.votes[vote.trial] = vote;
    fresh.sent[vote.trial] = vote.revision;
  }
  const answered = (at) => fresh.votes["s" + fresh.session + "-r" + fresh.seat + "-t" + (at + 1)];
  while (fresh.at < rows.length && answered(fresh.at)) fresh.at += 1;
}

// The same in every session of a rater: asked for in the address, or known, or by chance.
function chosenSeat(rater) {
  const seats = Object.keys(sessionNow.seats);
  const asked = wanted.get("seat") || recall("seat:" + rater);
  const seat = seats.includes(asked) ? asked : seats[crypto.getRandomValues(new Uint32Array(1))[0] % seats.length];
  remember("seat:" + rater, seat);
  return seat;
}

// The next trial, after the card of its block where a new one begins.
function enter() {
  const rows = sessionNow.seats[state.seat];
  send(state);
  if (state.at >= rows.length) return finish();
  const trial = trialAt(state.at);
  const begins = state.at === 0 || rows[state.at - 1][0] !== trial.block;
  prepare(rows.slice(state.at, state.at + 4).map((row) => ({ shown: row.slice(2) })));
  if (begins && state.announced !== trial.block) {
    state.announced = trial.block;
    return blockCard(sessionNow.blocks[trial.block], trial.block + 1, sessionNow.blocks.length, () => show(trial));
  }
  return show(trial);
}

async function show(trial) {
  now = null;
  let loaded;
  const slow = setTimeout(() => notice("Loading pictures …"), 400);
  try {
    loaded = await Promise.all(trial.shown.map(picture));
  } catch {
    clearTimeout(slow);
    notice("");
    return card("A picture did not load", [text("Your answers are safe.")], [button("Try again", () => show(trial), { className: "main", id: "again" })]);
  }
  clearTimeout(slow);
  notice("");
  const images = loaded.map((image) => image.cloneNode());
  await Promise.all(images.map((image) => image.decode()));
  const block = sessionNow.blocks[trial.block];
  const view = trialView(block, trial, images, { choose, next, back, swap, beside: () => swap("beside") });
  const before = state.votes[trial.name];
  now = { trial, block, view, images, score: null, toggles: 0, focus_losses: 0, touched: 0, zoomed: false, inTurn: false, front: 0, seen: new Set() };
  settle();
  view.back.disabled = state.at === 0 || state.wentBack === true;
  if (before && before.score !== undefined) choose(before.score, "again");
  const current = now;
  requestAnimationFrame(() => requestAnimationFrame(() => { current.start = performance.now(); current.shown_at = new Date().toISOString(); }));
  say(trial.position + " of " + trial.of + ". " + block.question);
}

// Places the pictures; a pair that does not fit side by side is shown in turn.
function settle() {
  if (!now) return;
  now.layout = place(now.view.plates, now.images, now.view.names, now.inTurn);
  const inTurn = now.images.length === 2 && !now.layout.beside;
  now.view.beside.hidden = !inTurn || !arrangement(study.size, 2, devicePixelRatio, document.documentElement.clientWidth - MARGIN).beside;
  now.images.forEach((image, at) => { image.classList.toggle("away", inTurn && at !== now.front); if (!inTurn || at === now.front) now.seen.add(at); });
  [...now.view.names.children].forEach((name, at) => name.classList.toggle("on", inTurn && at === now.front));
  update();
}

function update() {
  now.view.next.disabled = now.score === null || now.seen.size < now.images.length;
}

function touched() {
  if (now && now.start && !now.touched) now.touched = performance.now();
}

function choose(score, again) {
  if (!now || score < now.block.low || score > now.block.high) return;
  if (again !== "again") touched();
  now.score = score;
  now.view.levels.forEach((node) => node.setAttribute("aria-checked", String(Number(node.dataset.score) === score)));
  if (again !== "again") say(now.block.labels[score - now.block.low]);
  update();
}

function step(by) {
  const from = now.score === null ? (now.block.arm === "ccr" ? 0 : 3 - by) : now.score;
  choose(Math.min(now.block.high, Math.max(now.block.low, from + by)));
}

function swap(to) {
  if (!now || now.images.length < 2) return;
  touched();
  now.toggles += 1;
  if (to === "beside") now.inTurn = false;
  else if (now.layout.beside) { now.inTurn = true; now.front = 0; } else now.front = 1 - now.front;
  settle();
  if (!now.layout.beside) say(now.front ? "Right picture" : "Left picture");
}

function next() {
  if (!now || !now.start || now.view.next.disabled) return;
  const { trial, layout } = now;
  const revision = ((state.votes[trial.name] || {}).revision || 0) + 1;
  const flags = [];
  if (now.focus_losses) flags.push("focus-lost");
  if (now.zoomed) flags.push("zoomed");
  if (revision > 1) flags.push("changed");
  state.votes[trial.name] = {
    trial: trial.name, score: now.score, revision, shown_at: now.shown_at,
    milliseconds: Math.round(performance.now() - now.start),
    first_ms: Math.round((now.touched || performance.now()) - now.start),
    toggles: now.toggles, focus_losses: now.focus_losses, flags,
    k: layout.k, density: layout.density, beside: layout.beside,
  };
  state.at += 1;
  state.wentBack = false;
  now = null;
  save(state);
  enter();
}

function back() {
  if (!now || now.view.back.disabled) return;
  state.at -= 1;
  state.wentBack = true;
  save(state);
  show(trialAt(state.at));
}

function finish() {
  now = null;
  const file = answerFile(state);
  const other = study.sessions.find((one) => one.session > state.session);
  const status = make("p", { id: "status", role: "status" });
  const buttons = [button(study.server ? "Keep a copy" : "Download the answers", () => download(file), { className: study.server ? "" : "main", id: "download" })];
  if (navigator.canShare && navigator.canShare({ files: [file] })) buttons.push(button("Share the answers", () => navigator.share({ files: [file], title: file.name }).catch(() => {}), { id: "share" }));
  if (other) buttons.push(button("Session " + other.session + ", after a break", () => { location.hash = "session=" + other.session; location.reload(); }, { id: "other-session" }));
  buttons.push(button("Delete my answers", deletion, { id: "delete" }));
  card("Done. Thank you!", [
    status,
    text(study.server ? "You can close the page once all is sent." : "Please hand over the file with your answers to whoever sent you this page."),
    make("p", {}, "Your number, should you want your answers deleted later: ", make("code", { id: "rater" }, state.rater)),
  ], buttons);
  report();
  send(state);
}

function report() {
  const line = document.getElementById("status");
  if (!line) return;
  const count = Object.keys(state.votes).length;
  const left = pending(state).length;
  if (!study.server) line.textContent = count + " answers are kept in this browser.";
  else if (left) line.textContent = "Sending: " + left + " of " + count + " answers are still on their way" + (sender.refused ? " (" + sender.refused + "; keep a copy)." : ".");
  else line.textContent = "All " + count + " answers have arrived.";
}

function deletion() {
  card("Delete all your answers?", [text("They cannot be brought back.")], [
    button("No, keep them", finish, { className: "main", id: "keep" }),
    button("Yes, delete them", async () => {
      try {
        if (study.server) await ask("DELETE", "api/rater", { rater: state.rater });
      } catch (error) {
        return notice("They could not be deleted (" + error.message + "). Please try again.");
      }
      state.gone = true;
      forget(state.rater);
      state = null;
      return card("Deleted", [text("Nothing of yours is kept.")], []);
    }, { id: "really" }),
  ]);
}

document.addEventListener("sent", report);

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const focused = document.activeElement;
  if (!now) {
    const main = document.querySelector(".card button.main");
    if (event.key === "Enter" && !event.repeat && main && focused.tagName !== "BUTTON") { event.preventDefault(); main.click(); }
    return;
  }
  const elsewhere = focused && focused.tagName === "BUTTON" && focused.getAttribute("role") !== "radio";
  const digit = /^[1-9]$/.test(event.key) ? Number(event.key) : 0;
  if (event.key === "ArrowLeft" || event.key === "ArrowRight") step(event.key === "ArrowRight" ? 1 : -1);
  else if (digit && digit <= now.block.labels.length) choose(now.block.low + digit - 1);
  else if (event.key === "0" && now.block.arm === "ccr") choose(0);
  else if (event.key === "Backspace") back();
  else if (event.key === " " && !elsewhere) swap();
  else if (event.key === "Escape") swap("beside");
  else if (event.key === "Enter" && !elsewhere) { if (!event.repeat) next(); } else return;
  event.preventDefault();
});

function lost() { if (now && now.start) now.focus_losses += 1; }
addEventListener("blur", lost);
document.addEventListener("visibilitychange", () => { if (document.hidden && document.hasFocus()) lost(); });

// Zoom makes a picture pixel something else than k device pixels, or shows less of it: it is undone or marked.
function watchZoom() {
  const pinched = window.visualViewport && Math.abs(visualViewport.scale - 1) > 0.01;
  if (now && (pinched || now.layout.density !== devicePixelRatio)) now.zoomed = true;
  notice(pinched ? "Please zoom out again: the pictures must be seen as they are." : "");
  settle();
}
addEventListener("resize", watchZoom);
if (window.visualViewport) visualViewport.addEventListener("resize", watchZoom);
addEventListener("online", () => state && send(state));

begin();
