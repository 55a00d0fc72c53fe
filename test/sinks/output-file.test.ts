import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { OutputFile } from '../../sinks/output-file.js';
import { errorOf, scratch } from '../sources/helpers.js';

const at = scratch();
const bytes = (text: string) => new TextEncoder().encode(text);
const open = (path: string, overwrite = false) => OutputFile.open('sink', path, overwrite, undefined);

describe('OutputFile', () => {
  it('is not there until it is whole', async () => {
    const file = await open(at('whole'));
    await file.write(bytes('abc'));
    expect(existsSync(at('whole'))).toBe(false);
    await file.finish();
    expect(readFileSync(at('whole'), 'utf8')).toBe('abc');
    expect(existsSync(at('whole.partial'))).toBe(false);
  });

  it('leaves nothing behind when it is abandoned, or the partial file for a resume', async () => {
    const gone = await open(at('gone'));
    await gone.write(bytes('abc'));
    await gone.abandon(false);
    expect(existsSync(at('gone.partial'))).toBe(false);
    const kept = await open(at('kept'));
    await kept.write(bytes('abc'));
    await kept.abandon(true);
    expect(existsSync(at('kept.partial'))).toBe(true);
  });

  it('starts afresh over a partial file that nobody resumes', async () => {
    writeFileSync(at('afresh.partial'), 'left by a dead process');
    const file = await open(at('afresh'));
    await file.write(bytes('new'));
    await file.finish();
    expect(readFileSync(at('afresh'), 'utf8')).toBe('new');
  });

  it('cuts back to a position, before and behind the rename', async () => {
    const file = await open(at('cut'));
    await file.write(bytes('kept '));
    const position = await file.position();
    await file.write(bytes('lost'));
    await file.finish();
    for (let time = 0; time < 2; time++) {
      const resumed = await OutputFile.open('sink', at('cut'), false, position);
      expect(resumed.bytes).toBe(5);
      await resumed.write(bytes('again'));
      await resumed.finish();
      expect(readFileSync(at('cut'), 'utf8')).toBe('kept again');
    }
  });

  it('refuses to overwrite unless it may', async () => {
    writeFileSync(at('old'), 'old');
    expect((await errorOf(open(at('old')))).message).toMatch(/SINK|expected a new file, or option overwrite/);
    const file = await open(at('old'), true);
    await file.write(bytes('new'));
    expect(readFileSync(at('old'), 'utf8')).toBe('old');
    await file.finish();
    expect(readFileSync(at('old'), 'utf8')).toBe('new');
  });

  it('refuses to finish over a file that somebody else put there', async () => {
    const file = await open(at('race'));
    writeFileSync(at('race'), 'theirs');
    expect((await errorOf(file.finish())).code).toBe('SINK_FAILED');
    expect(readFileSync(at('race'), 'utf8')).toBe('theirs');
  });

  it('refuses to resume a file that is gone, shorter, or another one', async () => {
    const file = await open(at('resume'));
    await file.write(bytes('0123456789'));
    const position = await file.position();
    await file.abandon(true);
    const resume = () => errorOf(OutputFile.open('sink', at('resume'), false, position));
    writeFileSync(at('resume.partial'), '01234');
    expect((await resume()).message).toMatch(/expected at least the 10 bytes of the position, got 5 bytes/);
    writeFileSync(at('resume.partial'), 'other bytes entirely');
    expect((await resume()).message).toMatch(/expected the bytes that were written, got other bytes/);
    renameSync(at('resume.partial'), at('elsewhere'));
    expect((await resume()).code).toBe('SINK_FAILED');
    writeFileSync(at('resume'), 'an older output that must stay as it is');
    expect((await resume()).code).toBe('SINK_FAILED');
    expect(readFileSync(at('resume'), 'utf8')).toBe('an older output that must stay as it is');
  });

  it('refuses a position that is not one', async () => {
    const error = await errorOf(OutputFile.open('sink', at('x'), false, { bytes: -1, tail: 0 }));
    expect(error.code).toBe('STATE_VERSION');
  });

  it('says SINK_FAILED with the path where it cannot write', async () => {
    expect((await errorOf(open(at('no/such/directory/file')))).message).toContain(
      at('no/such/directory/file'),
    );
    mkdirSync(at('locked'));
    chmodSync(at('locked'), 0o500);
    if (process.getuid?.() !== 0) expect((await errorOf(open(at('locked/file')))).code).toBe('SINK_FAILED');
    const full = existsSync('/dev/full')
      ? await OutputFile.open('sink', at('full'), false, undefined)
      : undefined;
    await full?.abandon(false);
  });
});
