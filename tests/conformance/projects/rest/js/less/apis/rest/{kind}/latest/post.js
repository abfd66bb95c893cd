exports.process = async ({ params }) => ({ body: `posted to latest of ${params.kind}` });
