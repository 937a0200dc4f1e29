// Long work, a line each. News is asked for only while there is some to come; the lines stay, so that focus stays too.
const root = element.querySelector('.ez-jobs');
root.setAttribute('role', 'region');
root.setAttribute('aria-label', 'Jobs of this server');
const KEPT = 'emoviz-visitor', lines = new Map();

// Who started a job may cancel it: a secret that stays in this browser.
function secret() {
  const made = [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, '0')).join('');
  try {
    if (!localStorage.getItem(KEPT)) localStorage.setItem(KEPT, made);
    return localStorage.getItem(KEPT);
  } catch {
    return made;
  }
}
const owner = secret();
const ask = (what) => trigger('select', { owner, ...what });

function line() {
  const made = { row: node('p', 'ez-job'), label: node('strong', ''), said: node('span', ''), button: node('button', 'ez-send') };
  made.said.setAttribute('role', 'status');
  made.button.type = 'button';
  made.row.append(made.label, made.said, made.button);
  return made;
}

const write = (part, text) => { if (part.textContent !== text) part.textContent = text; };

let asking = 0, every = 0, seen = null;
function draw() {
  const shown = JSON.parse(value || 'null');
  if (!shown) return;
  const { jobs, ended } = shown;
  if (seen !== null && seen !== ended) trigger('expand', {});
  seen = ended;
  for (const job of jobs) {
    if (!lines.has(job.job)) { lines.set(job.job, line()); root.append(lines.get(job.job).row); }
    const { row, label, said, button } = lines.get(job.job);
    row.classList.toggle('ez-problem', job.failed);
    // What changes every second is not read out, its end is.
    said.setAttribute('aria-live', job.open ? 'off' : 'polite');
    write(label, job.label);
    write(said, job.said);
    button.hidden = !job.mine;
    write(button, job.open ? 'Cancel' : 'Dismiss');
    button.setAttribute('aria-label', `${button.textContent} ${job.label}`);
    button.onclick = () => ask({ act: job.open ? 'cancel' : 'dismiss', job: job.job });
  }
  for (const [id, { row }] of lines) if (!jobs.some((job) => job.job === id)) { row.remove(); lines.delete(id); }
  const open = jobs.filter((job) => job.open), wanted = open.some((job) => job.mine) ? 1000 : open.length ? 5000 : 0;
  if (wanted !== every) {
    clearInterval(asking);
    every = wanted;
    if (every) asking = setInterval(() => { if (!document.hidden) ask({}); }, every);
  }
}

follow(draw);
ask({});
