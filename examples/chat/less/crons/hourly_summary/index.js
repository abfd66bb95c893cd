const { kvs, sockets } = require('@chuva.io/less');

exports.process = async () => {
  const words = (await kvs.get('words')) ?? 0;
  // Not `set`: what is counted in this moment stays counted.
  await kvs.increment('words', -words);
  console.log(words, 'words');
  await sockets.chat.broadcast({ notice: `${words} words in the last hour` });
};
