const { note, sleep } = require('notes');

exports.process = async () => {
  note('span', 1);
  await sleep(30);
  note('span', -1);
};
