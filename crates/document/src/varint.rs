//! Numbers as bytes, small ones in few: seven bits a byte, the lowest first; the highest bit says that there are more.

/// Appends a number.
pub fn write(to: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        to.push(number as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}

/// Appends a number of either sign; those near zero are short.
pub fn write_signed(to: &mut Vec<u8>, number: i64) {
    write(to, ((number << 1) ^ (number >> 63)).cast_unsigned());
}

/// Takes a byte from the front; `None` where there is none.
#[inline]
pub fn byte(from: &mut &[u8]) -> Option<u8> {
    let (byte, rest) = from.split_first()?;
    *from = rest;
    Some(*byte)
}

/// Takes a number from the front; `None` where none was written.
#[inline]
pub fn read(from: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = byte(from)?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

/// As [`read`], of what [`write_signed`] wrote.
#[inline]
pub fn read_signed(from: &mut &[u8]) -> Option<i64> {
    let number = read(from)?;
    Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_they_were_written() {
        let mut bytes = Vec::new();
        let numbers = [0, 1, 127, 128, 1 << 35, u64::MAX];
        numbers.iter().for_each(|number| write(&mut bytes, *number));
        let signed = [0, -1, 63, -64, 64, i64::MIN, i64::MAX];
        signed.iter().for_each(|number| write_signed(&mut bytes, *number));
        let mut from = bytes.as_slice();
        assert_eq!(numbers.map(|_| read(&mut from)), numbers.map(Some));
        assert_eq!(signed.map(|_| read_signed(&mut from)), signed.map(Some));
        assert_eq!((read(&mut from), byte(&mut from)), (None, None));
        assert_eq!(read(&mut [0xff; 11].as_slice()), None, "more than a number has");
    }
}
