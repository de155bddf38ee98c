//! Between the types of `wasi:filesystem` and ours.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, SystemTime};

use wasmtime_wasi::p2::bindings::clocks::wall_clock::Datetime;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DescriptorFlags, DescriptorStat, ErrorCode, MetadataHashValue, NewTimestamp, OpenFlags,
    PathFlags,
};

use super::seam::{Answer, Change, Open, Stat};

/// How something is opened, in our words.
pub(super) fn how(
    path: PathFlags,
    open: OpenFlags,
    flags: DescriptorFlags,
    mode: u32,
) -> Answer<Open> {
    let synchronous = DescriptorFlags::FILE_INTEGRITY_SYNC
        | DescriptorFlags::DATA_INTEGRITY_SYNC
        | DescriptorFlags::REQUESTED_WRITE_SYNC;
    if flags.intersects(synchronous) {
        return Err(ErrorCode::Unsupported);
    }
    let makes = OpenFlags::CREATE | OpenFlags::EXCLUSIVE | OpenFlags::TRUNCATE;
    if open.contains(OpenFlags::DIRECTORY) && open.intersects(makes) {
        return Err(ErrorCode::Invalid);
    }
    Ok(Open {
        follow: path.contains(PathFlags::SYMLINK_FOLLOW),
        read: flags.contains(DescriptorFlags::READ),
        write: flags.contains(DescriptorFlags::WRITE),
        create: open.contains(OpenFlags::CREATE),
        exclusive: open.contains(OpenFlags::EXCLUSIVE),
        truncate: open.contains(OpenFlags::TRUNCATE),
        folder: open.contains(OpenFlags::DIRECTORY),
        mode,
    })
}

pub(super) fn times(
    accessed: NewTimestamp,
    modified: NewTimestamp,
    now: SystemTime,
) -> Answer<Change> {
    let time = |time| match time {
        NewTimestamp::NoChange => Ok(None),
        NewTimestamp::Now => Ok(Some(now)),
        NewTimestamp::Timestamp(Datetime {
            seconds,
            nanoseconds,
        }) => {
            let rest = Duration::from_nanos(u64::from(nanoseconds));
            let since = Duration::from_secs(seconds).checked_add(rest);
            let time = since.and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since));
            time.map(Some).ok_or(ErrorCode::Overflow)
        }
    };
    Ok(Change::Times {
        accessed: time(accessed)?,
        modified: time(modified)?,
    })
}

pub(super) fn described(found: &Stat) -> DescriptorStat {
    let time = |time: Option<SystemTime>| {
        let since = time?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        Some(Datetime {
            seconds: since.as_secs(),
            nanoseconds: since.subsec_nanos(),
        })
    };
    DescriptorStat {
        type_: found.kind.into(),
        link_count: found.links,
        size: found.size,
        data_access_timestamp: time(found.accessed),
        data_modification_timestamp: time(found.modified),
        status_change_timestamp: time(found.changed),
    }
}

/// What guests take for the number of an inode: the same for the same file.
pub(super) fn hash(identity: (u64, u64)) -> MetadataHashValue {
    let mut hasher = DefaultHasher::new();
    identity.hash(&mut hasher);
    let lower = hasher.finish();
    // Different from the lower half, since some readers take equal halves for a mistake.
    let upper = lower ^ 0x4009_21fb_5444_2d18;
    MetadataHashValue { lower, upper }
}
