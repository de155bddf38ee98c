//! The body of an answer: bounded while it arrives, and while it is decoded.

use std::io::{Cursor, ErrorKind, Read};

use brotli_decompressor::Decompressor;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use tokio::sync::OwnedSemaphorePermit;
use wxmcp_run::{Charge, Ledger, OverBudget};

use crate::charged::Charged;

/// Largest body of an answer, in bytes: as it arrives, and decoded.
pub(super) const MAX_BODY: usize = 32 << 20;

/// What can be decoded, as it is asked for.
pub(super) const ACCEPTED: &str = "gzip, deflate, br, zstd";

/// Most encodings around each other.
const MAX_ENCODINGS: usize = 3;

/// What a sender may make zstd keep: 8 MiB, as its specification recommends to allow.
const ZSTD_WINDOW_LOG: u32 = 23;

/// Bytes that a decoder takes: the window, and its tables.
const DEFLATE_DECODER: u64 = 256 << 10;
const BROTLI_DECODER: u64 = 18 << 20;
const ZSTD_DECODER: u64 = 9 << 20;

/// Bytes that are decoded at a time.
const PART: usize = 64 << 10;

/// Bytes that a decoder of brotli takes at once.
const BROTLI_BUFFER: usize = 16 << 10;

/// Why a body cannot be decoded.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum DecodeError {
    /// Decoded, it is too large.
    #[error(
        "the answer's body has more than {MAX_BODY} bytes once it is decompressed ({0}): that is the limit"
    )]
    Bomb(&'static str),
    /// It is not what its header says.
    #[error("the answer's body is not the {0} that its header says it is")]
    Broken(&'static str),
    /// The host may not hold it.
    #[error(transparent)]
    OverBudget(#[from] OverBudget),
    /// An encoding that is not known here, or too many.
    #[error("the answer's body has an encoding that is not known here")]
    Unknown,
}

/// One layer that can be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

impl Encoding {
    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }

    /// Bytes that its decoder takes.
    fn decoder(self) -> u64 {
        match self {
            Self::Gzip | Self::Deflate => DEFLATE_DECODER,
            Self::Brotli => BROTLI_DECODER,
            Self::Zstd => ZSTD_DECODER,
        }
    }
}

/// The encodings of an answer, in the order in which they were put on it.
pub(super) fn encodings(headers: &HeaderMap) -> Result<Vec<Encoding>, DecodeError> {
    let mut found = Vec::new();
    for value in headers.get_all(CONTENT_ENCODING) {
        let text = value.to_str().map_err(|_| DecodeError::Unknown)?;
        for name in text.split(',') {
            found.push(match name.trim().to_ascii_lowercase().as_str() {
                "" | "identity" => continue,
                "gzip" | "x-gzip" => Encoding::Gzip,
                "deflate" => Encoding::Deflate,
                "br" => Encoding::Brotli,
                "zstd" => Encoding::Zstd,
                _ => return Err(DecodeError::Unknown),
            });
            if found.len() > MAX_ENCODINGS {
                return Err(DecodeError::Unknown);
            }
        }
    }
    Ok(found)
}

/// A body whose encodings are taken off. What it holds is charged: the body as it came, and what is decoded of it.
pub(super) struct Decoding {
    decoder: Box<dyn Read + Send>,
    decoded: Charged,
    /// Read, and not yet added.
    part: Vec<u8>,
    name: &'static str,
    _raw: Charge,
    /// Dropped last: so no more decoders are there than may be.
    _turn: OwnedSemaphorePermit,
}

/// How far it has come.
pub(super) enum Decoded {
    Whole(Charged),
    /// Others hold what the process may.
    MustWait(Decoding),
}

impl Decoding {
    /// Nothing is decoded yet.
    pub(super) async fn new(
        body: Charged,
        encodings: &[Encoding],
        ledger: &Ledger,
        turn: OwnedSemaphorePermit,
    ) -> Result<Self, DecodeError> {
        let (body, mut raw) = body.into_parts();
        let name = encodings.last().map_or("identity", |it| it.name());
        let decoders = encodings.iter().map(|it| it.decoder());
        raw.grow_when_free(decoders.sum()).await?;
        // Nothing was sent, as in the answer to HEAD.
        let layers = if body.is_empty() { &[] } else { encodings };
        let mut decoder: Box<dyn Read + Send> = Box::new(Cursor::new(body));
        for encoding in layers.iter().rev() {
            let inner = around(decoder, *encoding).map_err(|_| DecodeError::Broken(name))?;
            decoder = Box::new(Bounded {
                inner,
                left: MAX_BODY,
            });
        }
        Ok(Self {
            decoder,
            decoded: Charged::new(ledger),
            part: Vec::new(),
            name,
            _raw: raw,
            _turn: turn,
        })
    }

    /// Decodes as much as there is room for; blocks while it computes.
    pub(super) fn go_on(mut self) -> Result<Decoded, DecodeError> {
        let mut buffer = vec![0; PART];
        loop {
            match self.decoded.push(&self.part) {
                Ok(()) => {}
                Err(_) if self.decoded.must_wait() => return Ok(Decoded::MustWait(self)),
                Err(over) => return Err(over.into()),
            }
            let read = self.decoder.read(&mut buffer).map_err(|error| {
                match error.kind() == ErrorKind::FileTooLarge {
                    true => DecodeError::Bomb(self.name),
                    false => DecodeError::Broken(self.name),
                }
            })?;
            if read == 0 {
                return Ok(Decoded::Whole(self.decoded));
            }
            self.part.clear();
            self.part
                .extend_from_slice(buffer.get(..read).unwrap_or_default());
        }
    }

    /// Waits until there is room for more.
    pub(super) async fn wait(&mut self) -> Result<(), OverBudget> {
        self.decoded.wait().await
    }
}

/// What a layer decodes: no more than a body may have, whatever another layer makes of it.
struct Bounded {
    inner: Box<dyn Read + Send>,
    left: usize,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(read).ok_or(ErrorKind::FileTooLarge)?;
        Ok(read)
    }
}

fn around(
    mut inner: Box<dyn Read + Send>,
    encoding: Encoding,
) -> std::io::Result<Box<dyn Read + Send>> {
    Ok(match encoding {
        Encoding::Gzip => Box::new(MultiGzDecoder::new(inner)),
        Encoding::Brotli => Box::new(Decompressor::new(inner, BROTLI_BUFFER)),
        Encoding::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::new(inner)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG)?;
            Box::new(decoder)
        }
        // By the standard with zlib's head; some servers leave it out.
        Encoding::Deflate => {
            let mut first = [0_u8; 1];
            inner.read_exact(&mut first)?;
            let is_zlib = first.iter().all(|byte| byte & 0x0f == 8);
            let whole = Cursor::new(first).chain(inner);
            if is_zlib {
                Box::new(ZlibDecoder::new(whole))
            } else {
                Box::new(DeflateDecoder::new(whole))
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::sync::Arc;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use futures_util::FutureExt as _;
    use http::HeaderValue;
    use tokio::sync::Semaphore;

    use super::*;

    const DECODER: u64 = DEFLATE_DECODER;

    fn decode(body: Vec<u8>, encodings: &[Encoding]) -> Result<Vec<u8>, DecodeError> {
        decode_for(&Ledger::unbounded(), &body, encodings)
    }

    fn decode_for(
        ledger: &Ledger,
        body: &[u8],
        encodings: &[Encoding],
    ) -> Result<Vec<u8>, DecodeError> {
        let mut raw = Charged::new(ledger);
        raw.push(body)?;
        let turn = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        let decoding = Decoding::new(raw, encodings, ledger, turn);
        let decoding = decoding.now_or_never().expect("others hold nothing")?;
        match decoding.go_on()? {
            Decoded::Whole(body) => Ok(body.into_parts().0),
            Decoded::MustWait(_) => panic!("others hold nothing"),
        }
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn encodings_are_taken_off_in_their_order() {
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(b"hello").unwrap();
        let mut raw = DeflateEncoder::new(Vec::new(), Compression::fast());
        raw.write_all(b"hello").unwrap();
        let zstd = zstd::encode_all(&b"hello"[..], 1).unwrap();
        // `hello` in one uncompressed block of brotli.
        let brotli = [&[0x0b, 0x02, 0x80][..], b"hello", &[0x03]].concat();
        for (body, encodings) in [
            (gzip(b"hello"), &[Encoding::Gzip][..]),
            ([gzip(b"hel"), gzip(b"lo")].concat(), &[Encoding::Gzip]),
            (zlib.finish().unwrap(), &[Encoding::Deflate]),
            (raw.finish().unwrap(), &[Encoding::Deflate]),
            (zstd.clone(), &[Encoding::Zstd]),
            (gzip(&zstd), &[Encoding::Zstd, Encoding::Gzip]),
            (brotli, &[Encoding::Brotli]),
            (b"hello".to_vec(), &[]),
        ] {
            assert_eq!(
                decode(body, encodings),
                Ok(b"hello".to_vec()),
                "{encodings:?}"
            );
        }
        assert_eq!(decode(Vec::new(), &[Encoding::Gzip]), Ok(Vec::new()));
    }

    #[test]
    fn a_bomb_is_stopped_by_name_also_behind_another() {
        let bomb = gzip(&vec![0; MAX_BODY + 1]);
        assert!(bomb.len() < 100_000);
        let twice = gzip(&bomb);
        assert_eq!(
            decode(bomb, &[Encoding::Gzip]),
            Err(DecodeError::Bomb("gzip"))
        );
        let both = [Encoding::Gzip, Encoding::Gzip];
        assert_eq!(decode(twice, &both), Err(DecodeError::Bomb("gzip")));
        let zstd = zstd::encode_all(std::io::repeat(0).take(40 << 20), 1).unwrap();
        assert_eq!(
            decode(zstd, &[Encoding::Zstd]),
            Err(DecodeError::Bomb("zstd"))
        );
    }

    #[test]
    fn what_is_decoded_is_charged_as_it_grows() {
        let bomb = gzip(&vec![0; 8 << 20]);
        let process = Ledger::of_process(u64::MAX);
        let run = process.for_run(DECODER + (4 << 20));
        let refused = decode_for(&run, &bomb, &[Encoding::Gzip]).unwrap_err();
        assert!(matches!(
            refused,
            DecodeError::OverBudget(OverBudget::Run { .. })
        ));
        assert!(run.peak() > DECODER + (3 << 20), "{run:?}");
        assert_eq!(run.held(), 0);
        let run = process.for_run(DECODER + (9 << 20));
        let decoded = decode_for(&run, &bomb, &[Encoding::Gzip]).unwrap();
        assert_eq!((decoded.len(), run.held()), (8 << 20, 0));
    }

    /// One layer of it is large, and the next makes little of that.
    #[test]
    fn a_layer_between_is_bounded_too() {
        let empty = gzip(&[]);
        let many: Vec<u8> = empty.iter().copied().cycle().take(MAX_BODY + 20).collect();
        let both = [Encoding::Gzip, Encoding::Gzip];
        let refused = decode(gzip(&many), &both);
        assert_eq!(refused, Err(DecodeError::Bomb("gzip")));
        let few = many.get(..empty.len() * 1_000).unwrap();
        assert_eq!(decode(gzip(few), &both), Ok(Vec::new()));
    }

    #[test]
    fn what_is_not_what_it_says_is_refused() {
        let cut = gzip(b"hello").get(..12).unwrap().to_vec();
        for encoding in [
            Encoding::Gzip,
            Encoding::Deflate,
            Encoding::Brotli,
            Encoding::Zstd,
        ] {
            let garbage = decode(vec![0xff; 100], &[encoding]);
            assert_eq!(garbage, Err(DecodeError::Broken(encoding.name())));
        }
        assert_eq!(
            decode(cut, &[Encoding::Gzip]),
            Err(DecodeError::Broken("gzip"))
        );
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip, lzma"));
        assert_eq!(encodings(&headers), Err(DecodeError::Unknown));
        headers.insert(
            CONTENT_ENCODING,
            HeaderValue::from_static("br, GZIP, identity"),
        );
        assert_eq!(
            encodings(&headers),
            Ok(vec![Encoding::Brotli, Encoding::Gzip])
        );
    }
}
