/** A game of two buttons, which makes the calls that the client of the tutorial's backend makes. */
const KEY = 'leaderboards:survivor-Grassland';

const element = id => document.getElementById(id);
const state = { player: { id: '', name: '', coins: 0 }, game: { id: '', level: 1 } };

async function call(method, path, body) {
  // As the original does: the type is named where there is no body, too.
  const headers = { 'Content-Type': 'application/json' };
  const response = await fetch(path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  const line = document.createElement('li');
  line.textContent = `${method} ${path} ${response.status}`;
  element('calls').append(line);
  return response;
}

function show() {
  const { player, game } = state;
  element('id').textContent = player.id;
  element('name').textContent = player.name;
  element('coins').textContent = player.coins;
  element('level').textContent = game.level;
}

async function load(path) {
  const response = await call('GET', path);
  return response.status === 404 ? undefined : response.json();
}

/** What was never created, a PATCH does not find. */
async function save(path, body) {
  const response = await call('PATCH', path, body);
  if (response.status === 404) await call('POST', path, body);
}

async function showBoard() {
  const response = await call('GET', `/api/leaderboard/${KEY}?count=10`);
  const entries = response.ok ? await response.json() : [];
  element('board').replaceChildren(
    ...entries.map(({ value, score }) => {
      const line = document.createElement('li');
      line.textContent = `${value.substring(0, value.indexOf('-'))}: ${score}`;
      return line;
    }),
  );
}

element('start').addEventListener('submit', async event => {
  event.preventDefault();
  state.player.name = new FormData(event.target).get('name');
  await call('POST', '/api/playerstate/', { playerData: state.player });
  await call('POST', '/api/gamestate/', { gameData: state.game });
  show();
});
element('walk').addEventListener('click', () => {
  state.player.coins += 10;
  state.game.level += 1;
  show();
});
element('save').addEventListener('click', async () => {
  await save('/api/playerstate/', { playerData: state.player });
  await save('/api/gamestate/', { gameData: state.game });
});
element('score').addEventListener('click', async () => {
  const member = `${state.player.name}-${state.player.id}`;
  await call('POST', '/api/leaderboard/', { key: KEY, score: state.player.coins, member });
  await showBoard();
});

const { id } = await (await call('GET', '/session')).json();
state.player = (await load(`/api/playerstate/${id}`)) ?? { ...state.player, id };
state.game = (await load(`/api/gamestate/${id}`)) ?? { ...state.game, id };
show();
await showBoard();
element('calls').dataset.ready = 'yes';
