const { kvs, sockets } = require('@chuva.io/less');

const key = (id) => `here:${id}`;

/** Notes that a connection is called so, and tells everybody. */
exports.enter = async (id, name) => {
  await kvs.set(key(id), String(name ?? '').trim().slice(0, 40) || 'somebody');
  await tell_all();
};

exports.leave = async (id) => {
  await kvs.delete(key(id));
  await tell_all();
};

exports.name_of = async (id) => (await kvs.get(key(id))) ?? 'somebody';

async function tell_all() {
  const keys = await kvs.list('here:');
  const names = await Promise.all(keys.map((key) => kvs.get(key)));
  // Who left since the list was made has no name any more.
  await sockets.chat.broadcast({ people: names.filter((name) => name !== null).sort() });
}
