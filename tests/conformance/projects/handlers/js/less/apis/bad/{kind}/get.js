const { mischief } = require('mischief');
const { note, pid } = require('notes');

exports.process = async ({ params }) => {
  note('struck', { pid });
  await mischief[params.kind]();
};
