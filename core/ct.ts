// Constant-time building stones. Role: the only file where a mask is made from a comparison, and the
// only one that names the swizzle instruction. Invariant: no branch, no memory address and no `select`
// depends on an argument; what the compiler made of it is read by test/core/lint.test.ts.

/** table[index] for 16 bytes at once. An index must be 0 to 15, or 128 and more, which yields 0: on those the
 *  relaxed and the strict instruction agree. Secret: index. */
// @ts-ignore: decorator
@inline
export function lookUp(table: v128, index: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i8x16.relaxed_swizzle(table, index);
  return i8x16.swizzle(table, index);
}

/** All ones if value is not zero, else zero. Secret: value. */
// @ts-ignore: decorator
@inline
export function maskNonZero(value: u32): u32 {
  return <u32>(<i32>(value | (0 - value)) >> 31);
}

/** All ones if left < right, for numbers below 2^31. Secret: both. */
// @ts-ignore: decorator
@inline
export function maskLess(left: u32, right: u32): u32 {
  return <u32>(<i32>(left - right) >> 31);
}

/** Zero if two blocks are equal, all ones if not. Secret: the blocks. */
export function blockDifferenceMask(left: usize, right: usize): u32 {
  return maskNonZero(<u32>v128.any_true(v128.xor(v128.load(left), v128.load(right))));
}

/** Zero if the first `length` bytes are equal, all ones if not. Reads all of them. Secret: the bytes. length > 0. */
export function differenceMask(left: usize, right: usize, length: i32): u32 {
  let difference: u32 = 0;
  do {
    difference |= <u32>load<u8>(left) ^ <u32>load<u8>(right);
    left += 1;
    right += 1;
    length -= 1;
  } while (length > 0);
  return maskNonZero(difference);
}
