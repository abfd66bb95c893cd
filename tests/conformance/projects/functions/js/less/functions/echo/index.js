exports.process = async (payload) => payload;
