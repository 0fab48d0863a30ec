//! WebSocket's frames, as far as a client that sends whole messages needs them.

/// Kind, length of the header and length of the payload of the frame that begins here, once all of its header is here.
pub fn head(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let [first, second, rest @ ..] = bytes else { return None };
    let (header, payload) = match second {
        126 => (4, usize::from(u16::from_be_bytes(*rest.first_chunk()?))),
        127 => (10, usize::try_from(u64::from_be_bytes(*rest.first_chunk()?)).ok()?),
        short => (2, usize::from(*short)),
    };
    Some((first & 0x0f, header, payload))
}

/// Appends a masked frame; the mask of zeros changes nothing.
pub fn put(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    out.push(0x80 | opcode);
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(short), _) if short < 126 => out.push(0x80 | short),
        (_, Ok(medium)) => {
            out.push(0x80 | 0x7e);
            out.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            out.push(0x80 | 0x7f);
            out.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(payload);
}
