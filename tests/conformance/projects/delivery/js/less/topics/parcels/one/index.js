const { note } = require('notes');

exports.process = async (parcel, { message_id }) => note('parcels', { parcel, id: message_id, at: Date.now() });
