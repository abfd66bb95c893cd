exports.process = async ({ params }) => ({ body: `posts of ${params.id}` });
