//! Lines from a stream of bytes.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::mpsc;

use super::Line;
use crate::clock::Clock;

const CHUNK: usize = 64 * 1024;
/// A line that grows beyond this is passed on in pieces, so that memory stays bounded.
const LONGEST: usize = 256 * 1024;

/// Sends the lines of `source` until it ends or nobody listens. Bytes that are not UTF-8 become U+FFFD.
pub(super) async fn read_lines(
    mut source: impl AsyncRead + Unpin,
    clock: Arc<Clock>,
    lines: mpsc::Sender<Vec<Line>>,
) {
    let mut buffer = vec![0; CHUNK];
    let mut unfinished: Vec<u8> = Vec::new();
    loop {
        let read = source.read(&mut buffer).await.unwrap_or(0);
        let at = clock.now();
        let mut chunk = Vec::new();
        unfinished.extend_from_slice(&buffer[..read]);
        let complete = unfinished.iter().rposition(|byte| *byte == b'\n');
        if let Some(end) = complete {
            for line in unfinished[..end].split(|byte| *byte == b'\n') {
                chunk.push(Line { at, text: String::from_utf8_lossy(line).into_owned() });
            }
            unfinished.drain(..=end);
        }
        if unfinished.len() > LONGEST || (read == 0 && !unfinished.is_empty()) {
            let text = String::from_utf8_lossy(&unfinished).into_owned();
            chunk.push(Line { at, text });
            unfinished.clear();
        }
        if !chunk.is_empty() && lines.send(chunk).await.is_err() {
            return;
        }
        if read == 0 {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Pace;

    #[tokio::test]
    async fn splits_lines_and_keeps_the_last_one() {
        let (sender, mut lines) = mpsc::channel(8);
        let clock = Arc::new(Clock::start(Pace::Instant));
        read_lines(&b"one\n\ntwo\r\nlast \xff"[..], clock, sender).await;
        let mut texts = Vec::new();
        while let Some(chunk) = lines.recv().await {
            texts.extend(chunk.into_iter().map(|line| line.text));
        }
        assert_eq!(texts, ["one", "", "two\r", "last \u{fffd}"]);
    }
}
