//! Archives as tests need them, which no program would make: links in them, and paths that lead out.

/// A file of an archive: its path, content and mode.
pub(crate) type File<'a> = (&'a str, &'a [u8], u32);

/// The mode of a plain file.
pub(crate) const PLAIN: u32 = 0o100_644;

/// The mode of a symbolic link.
pub(crate) const LINK: u32 = 0o120_777;

/// An archive with these files, not compressed.
pub(crate) fn archive(files: &[File<'_>]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for (path, content, mode) in files {
        let size = u32::try_from(content.len())
            .unwrap_or(u32::MAX)
            .to_le_bytes();
        let name = u16::try_from(path.len()).unwrap_or(u16::MAX).to_le_bytes();
        // Flags, method and time; then the checksum, both sizes, and the lengths of name and extra.
        let mut common = vec![0; 6];
        common.extend([0x21, 0x5c]);
        common.extend(crc(content).to_le_bytes());
        common.extend([size, size].concat());
        common.extend(name);
        common.extend([0, 0]);
        directory.extend(b"PK\x01\x02\x14\x03\x14\x00");
        directory.extend(&common);
        directory.extend([0; 6]);
        directory.extend((mode << 16).to_le_bytes());
        directory.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes());
        directory.extend(path.as_bytes());
        bytes.extend(b"PK\x03\x04\x14\x00");
        bytes.extend(&common);
        bytes.extend(path.as_bytes());
        bytes.extend(*content);
    }
    let count = u16::try_from(files.len()).unwrap_or(u16::MAX).to_le_bytes();
    let start = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes();
    let size = u32::try_from(directory.len())
        .unwrap_or(u32::MAX)
        .to_le_bytes();
    bytes.extend(directory);
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend([count, count].concat());
    bytes.extend([size, start].concat());
    bytes.extend([0, 0]);
    bytes
}

/// The checksum of an archive's files.
fn crc(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| (crc >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(crc & 1));
    !bytes
        .iter()
        .fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}
