const { functions } = require('@chuva.io/less');

exports.process = async (request, response, context) => {
  const callee = await functions.told();
  return { body: { caller: context.deadline, callee: callee.deadline } };
};
