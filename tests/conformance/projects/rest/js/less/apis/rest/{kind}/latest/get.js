exports.process = async ({ params }) => ({ body: `latest of ${params.kind}` });
