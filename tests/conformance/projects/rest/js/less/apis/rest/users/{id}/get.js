exports.process = async ({ params }) => ({ body: `user ${params.id}` });
