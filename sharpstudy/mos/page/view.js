// What stands on the page: cards of text, and the trial with its pictures and its scale.

const page = document.getElementById("page");

function make(tag, properties, ...inside) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties || {})) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name in node && !name.startsWith("aria")) node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...inside.filter((one) => one !== null));
  return node;
}

function button(text, act, properties) {
  // A button that was clicked keeps no focus: the space bar and enter belong to the trial.
  const click = (event) => { if (event.detail) event.currentTarget.blur(); act(event); };
  return make("button", { type: "button", onclick: click, ...properties }, text);
}

function say(text) { document.getElementById("spoken").textContent = text; }

function notice(text) {
  const line = document.getElementById("notice");
  line.hidden = !text;
  line.textContent = text;
}

// A card of text: its heading takes the focus, so that it is read out, unless a button is to be the next step.
function card(title, content, buttons) {
  const heading = make("h1", { tabIndex: -1 }, title);
  page.replaceChildren(make("section", { className: "card" }, heading, ...content, make("div", { className: "row" }, ...buttons)));
  scrollTo(0, 0);
  heading.focus();
}

function lines(...items) { return make("ul", {}, ...items.map((item) => make("li", {}, item))); }

function text(words) { return make("p", {}, words); }

function consentCard(go) {
  const minutes = Math.ceil(sessionNow.minutes);
  card(study.title, [
    text("You will compare or rate small pictures. It takes about " + minutes + " minutes. Thank you for your time."),
    lines(
      "Taking part is voluntary. You can stop at any time by closing the page.",
      "Stored are your answers, how long each took, and what your browser says of itself and of the screen. No name and no address is asked for.",
      "You get a random number instead of a name. With it your answers can be deleted: on this page, or by whoever sent it to you.",
      study.server ? "Answers go to the computer that this page came from, and to no other." : "Answers stay in this browser until you hand over the file with them.",
    ),
    text("You need normal sight, with your glasses if you wear any."),
  ], [button("I agree, go on", go, { className: "main", id: "agree" })]);
}

function instructionCard(go) {
  card("Before you start", [
    lines(
      "Sit as you usually do, in ordinary light, and set the screen's brightness as you like it. Do not change it later.",
      "Leave the page's zoom at 100 %. The pictures are small on purpose: they are shown exactly as they are.",
      "There is no right answer. Go by your first clear impression.",
      "Sometimes two pictures are the same, and sometimes a picture asks for a certain answer. Please do what it says.",
    ),
    make("p", {}, "Keys: ", make("kbd", {}, "←"), " ", make("kbd", {}, "→"), " or ", make("kbd", {}, "1"), " … ", make("kbd", {}, "7"), " choose, ",
      make("kbd", {}, "Enter"), " goes on, ", make("kbd", {}, "Space"), " shows a pair in turn in one place, ", make("kbd", {}, "Backspace"), " goes one back."),
    text("By touch: tap an answer, then Next. Tap the pictures, or Flip, to see them in turn in one place."),
  ], [button("Start with some practice", go, { className: "main", id: "start" })]);
}

function blockCard(block, number, count, go) {
  const levels = block.labels.join(" · ");
  card(block.question, [
    text(count > 1 ? "Part " + number + " of " + count + "." : "This is what you are asked every time."),
    text(block.hint),
    text("Answers: " + levels + "."),
  ], [button("Go on", go, { className: "main", id: "go" })]);
}

// The trial's nodes; `act` holds choose(score), next(), back(), swap().
function trialView(block, trial, images, act) {
  const pair = images.length === 2;
  const names = pair ? ["Left", "Right"] : [];
  images.forEach((image, at) => { image.alt = pair ? names[at] + " picture" : "The picture to rate"; image.className = ""; image.draggable = false; });
  const levels = block.labels.map((label, at) => button("", () => act.choose(block.low + at), {
    role: "radio", "aria-checked": "false", "data-score": String(block.low + at),
  }));
  levels.forEach((node, at) => node.append(make("small", { "aria-hidden": "true" }, String(at + 1)), block.labels[at]));
  const nodes = {
    heading: make("h1", { id: "question", tabIndex: -1 }, block.question),
    count: make("span", { id: "count" }, (trial.practice ? "Practice · " : "") + trial.position + " of " + trial.of),
    plates: make("div", { className: "plates", onclick: () => pair && act.swap() }, ...images),
    names: make("div", { className: "names" }, ...names.map((name) => make("span", {}, name))),
    levels,
    next: button("Next", act.next, { className: "main", id: "next", disabled: true }),
    back: button("Back", act.back, { id: "back" }),
    swap: button("Flip", act.swap, { id: "swap", hidden: !pair, "aria-label": "Show the pictures in turn in one place" }),
    beside: button("Both", act.beside, { id: "beside", hidden: true, "aria-label": "Show both pictures side by side" }),
  };
  const keys = pair ? "← → choose · Space shows them in turn in one place · Enter next · Backspace back" : "1 – 5 or ← → choose · Enter next · Backspace back";
  page.replaceChildren(make("section", { className: "trial" },
    make("header", {}, nodes.heading, nodes.count),
    make("progress", { max: trial.of, value: trial.position - 1, "aria-label": "How far you are" }),
    make("div", { className: "stage" }, nodes.plates, nodes.names),
    make("div", { className: "levels", role: "radiogroup", "aria-labelledby": "question" }, ...levels),
    make("div", { className: "acts" }, nodes.back, nodes.beside, nodes.swap, nodes.next),
    make("p", { className: "keys" }, keys),
  ));
  nodes.heading.focus({ preventScroll: true });
  return nodes;
}
