/** The board that this page plays on, as any game would. */
const BOARD = 'questlog-dice';
const FACES = '⚀⚁⚂⚃⚄⚅';

const element = id => document.getElementById(id);
let me;
let named = '';

/** @returns the answer; a problem is thrown as what it says */
async function call(method, path, body) {
  const response = await fetch(path, {
    method,
    headers: {
      ...(body && { 'Content-Type': 'application/json' }),
      // Answered when the projections have it: what follows can read it.
      ...(body && { Prefer: 'wait=2' }),
    },
    body: body && JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw Object.assign(new Error(answer.detail), { status: response.status });
  return answer;
}

/** Whose session the browser has; with none, that of a new guest if there shall be one. */
async function findMe(orGuest) {
  const { player } = await call('GET', '/v1/me');
  if (!player && !orGuest) return;
  ({ playerId: me } = player ?? (await call('POST', '/v1/sessions', {})));
  element('who').textContent = `You are ${me}. A cookie keeps you for seven days.`;
}

async function play(name) {
  await findMe(true);
  if (name !== named) await call('PATCH', `/v1/players/${me}`, { name: name === '' ? null : name });
  named = name;
  const dice = Array.from({ length: 6 }, () => Math.floor(Math.random() * 6));
  const score = dice.reduce((sum, face) => sum + face + 1, 0);
  element('dice').textContent = dice.map(face => FACES[face]).join(' ');
  const { rank, improved } = await call('POST', `/v1/leaderboards/${BOARD}/scores`, { score });
  return `${score}${improved ? ', your best' : ''}${rank === undefined ? '' : `: you are number ${rank}`}.`;
}

function show({ entries }) {
  element('empty').hidden = entries.length > 0;
  element('board').replaceChildren(
    ...entries.map(({ rank, player, name = player, score }) => {
      const line = document.createElement('li');
      line.classList.toggle('me', player === me);
      for (const text of [rank, name, score]) {
        const span = document.createElement('span');
        span.textContent = text;
        line.append(span);
      }
      return line;
    }),
  );
}

element('play').addEventListener('submit', async event => {
  event.preventDefault();
  const button = event.target.querySelector('button');
  button.disabled = true;
  const name = new FormData(event.target).get('name').trim();
  element('said').textContent = await play(name).catch(error => `That did not work: ${error.message}`);
  button.disabled = false;
});

await findMe(false).catch(() => undefined);
const live = new EventSource(`/v1/leaderboards/${BOARD}/live?limit=10`);
live.onopen = () => {
  element('live').textContent = 'live';
};
live.onerror = () => {
  element('live').textContent = 'connecting';
};
for (const type of ['snapshot', 'update']) live.addEventListener(type, ({ data }) => show(JSON.parse(data)));
