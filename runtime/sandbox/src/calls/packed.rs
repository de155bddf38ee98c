//! Completions as `wit/guest.wit` packs them.

/// Adds a completion as `wit/guest.wit` packs it.
pub(super) fn pack(packed: &mut Vec<u8>, id: u64, form: u8, payload: &[u8]) {
    packed.extend(head(id, form, payload));
    packed.extend_from_slice(payload);
}

/// The same of one completion alone.
pub(super) fn packed_alone(id: u64, form: u8, mut payload: Vec<u8>) -> Vec<u8> {
    let head = head(id, form, &payload);
    payload.splice(0..0, head);
    payload
}

fn head(id: u64, form: u8, payload: &[u8]) -> impl Iterator<Item = u8> + use<> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let (id, length) = (id.to_le_bytes(), length.to_le_bytes());
    id.into_iter().chain([form]).chain(length)
}
