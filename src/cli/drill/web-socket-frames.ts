import { randomBytes } from 'node:crypto';

/** Opcodes of control frames (RFC 6455, 5.2). */
export const opcodes = { close: 8, ping: 9, pong: 10 } as const;

export interface Frame {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** Encodes a control frame of a client, which masks its payload (RFC 6455, 5.3). */
export function controlFrame(opcode: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const mask = randomBytes(4);
  const masked = payload.map((byte, i) => byte ^ (mask[i % 4] as number));
  return Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | payload.length]), mask, masked]);
}

/** Parses frames from the bytes of a server as they arrive. */
export function frameReader(onFrame: (frame: Frame) => void): (chunk: Buffer) => void {
  let rest = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    for (let length = frameLength(rest); length !== undefined && rest.length >= length.end; ) {
      onFrame({ opcode: (rest[0] as number) & 0x0f, payload: rest.subarray(length.start, length.end) });
      rest = rest.subarray(length.end);
      length = frameLength(rest);
    }
  };
}

/** The offsets of the payload of the first frame; `undefined` while its head is incomplete. */
function frameLength(bytes: Buffer): { start: number; end: number } | undefined {
  if (bytes.length < 2) return undefined;
  const short = (bytes[1] as number) & 0x7f;
  const start = short === 127 ? 10 : short === 126 ? 4 : 2;
  if (bytes.length < start) return undefined;
  const length =
    short === 127 ? Number(bytes.readBigUInt64BE(2)) : short === 126 ? bytes.readUInt16BE(2) : short;
  return { start, end: start + length };
}
