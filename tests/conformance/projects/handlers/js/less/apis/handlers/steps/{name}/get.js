// Several of these run at once.
const { sleep } = require('notes');

exports.process = async ({ params }) => {
  for (let step = 0; step < 5; step += 1) {
    console.log(params.name, step);
    await sleep(5 + 20 * Math.random());
  }
};
