import { SOCKET } from './config.js';

const address = new URLSearchParams(location.search).get('socket') ?? SOCKET;
const element = (id) => document.getElementById(id);
const seen = new Set();
let socket;

connect();

element('say').addEventListener('submit', (event) => {
  event.preventDefault();
  send('message', element('text').value);
  element('text').value = '';
});

element('rename').addEventListener('submit', (event) => {
  event.preventDefault();
  send('rename', element('name').value);
});

/** Connections end: with a deploy, or in a tunnel. So connect again, with a moment in between. */
function connect() {
  const name = element('name').value || `guest ${Math.floor(Math.random() * 1000)}`;
  element('name').value = name;
  socket = new WebSocket(`${address}?name=${encodeURIComponent(name)}`);
  socket.addEventListener('message', (event) => show(JSON.parse(event.data)));
  socket.addEventListener('close', () => {
    element('people').textContent = `There is no chat at ${address} right now. Is it deployed, and is this what deploy printed?`;
    setTimeout(connect, 1_000 + Math.random() * 1_000);
  });
}

function send(channel, data) {
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ channel, data }));
}

function show({ people, notice, error, id, name, text }) {
  if (people) element('people').textContent = `Here: ${people.join(', ')}`;
  if (notice || error) add(notice ?? error, 'notice');
  if (id && !seen.has(id)) {
    seen.add(id);
    add(`${name}: ${text}`, 'message');
  }
}

function add(text, kind) {
  const line = document.createElement('li');
  line.textContent = text;
  line.className = kind;
  element('messages').append(line);
  line.scrollIntoView();
}
