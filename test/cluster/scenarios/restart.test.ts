/**
 * A node that starts again under the tenure under which it stopped: nothing happens that would tell it who is primary.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Stage } from './stage.ts';

test('a follower that restarts in a quiet cluster forwards changes at once', () => {
  const stage = new Stage();
  stage.change(stage.followers[0]!, 'create', 'key');
  const [restarted] = stage.followers;
  restarted!.crash(false);
  stage.run(500);
  restarted!.start();
  stage.run(1000);
  assert.equal(stage.change(restarted!, 'activate', 'key').done, true);
  stage.endsWell();
});
