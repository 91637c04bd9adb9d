import assert from "node:assert/strict";
import { connectSystemd, watchdogIntervalMs } from "../../src/monitor/systemd.ts";

/** A service manager that only listens. */
class NotifyListener implements Disposable {
  readonly #folder = Deno.makeTempDirSync();
  readonly address = `${this.#folder}/notify`;
  readonly #socket = Deno.listenDatagram({ transport: "unixpacket", path: this.address });

  async next(): Promise<string[]> {
    const [message] = await this.#socket.receive();
    return new TextDecoder().decode(message).split("\n");
  }

  environment(extra: Record<string, string> = {}): { get(name: string): string | undefined } {
    const variables: Record<string, string> = { NOTIFY_SOCKET: this.address, ...extra };
    return { get: (name) => variables[name] };
  }

  [Symbol.dispose](): void {
    this.#socket.close();
    Deno.removeSync(this.#folder, { recursive: true });
  }
}

const skipped = Deno.build.os === "windows";

Deno.test({
  name: "Systemd hears of ready, reload and stop in the order they happen",
  ignore: skipped,
  async fn() {
    using manager = new NotifyListener();
    const systemd = connectSystemd(manager.environment(), () => true, assert.fail)!;
    systemd.ready("listening on\n127.0.0.1:41641");
    assert.deepEqual(await manager.next(), ["READY=1", "STATUS=listening on 127.0.0.1:41641"]);
    systemd.reloading();
    const [reloading, monotonic] = await manager.next();
    assert.equal(reloading, "RELOADING=1");
    if (Deno.build.os === "linux") assert.match(monotonic, /^MONOTONIC_USEC=\d+$/);
    systemd.ready("again");
    assert.equal((await manager.next())[0], "READY=1");
    systemd.stopping();
    assert.equal((await manager.next())[0], "STOPPING=1");
    await systemd.close();
  },
});

Deno.test({
  name: "The watchdog is fed while the loop turns and starves when it does not",
  ignore: skipped,
  async fn() {
    using manager = new NotifyListener();
    let isAlive = true;
    let asked = 0;
    const starved = Promise.withResolvers<void>();
    const env = manager.environment({ WATCHDOG_USEC: "20000" });
    const systemd = connectSystemd(env, () => {
      if (!isAlive && ++asked === 3) starved.resolve();
      return isAlive;
    }, assert.fail)!;
    systemd.ready("up");
    assert.equal((await manager.next())[0], "READY=1");
    assert.deepEqual(await manager.next(), ["WATCHDOG=1"]);
    isAlive = false;
    await starved.promise;
    systemd.status("after three missed beats");
    let message = await manager.next();
    while (message[0] === "WATCHDOG=1") message = await manager.next();
    assert.deepEqual(message, ["STATUS=after three missed beats"]);
    await systemd.close();
  },
});

Deno.test("The watchdog interval is half of systemd's, and only for this process", () => {
  const env = (variables: Record<string, string>) => ({ get: (name: string) => variables[name] });
  assert.equal(watchdogIntervalMs(env({ WATCHDOG_USEC: "30000000" })), 15_000);
  assert.equal(
    watchdogIntervalMs(env({ WATCHDOG_USEC: "30000000", WATCHDOG_PID: String(Deno.pid) })),
    15_000,
  );
  assert.equal(watchdogIntervalMs(env({ WATCHDOG_USEC: "30000000", WATCHDOG_PID: "1" })), null);
  assert.equal(watchdogIntervalMs(env({})), null);
});

Deno.test({
  name: "A service manager that cannot be reached costs one warning and nothing else",
  ignore: skipped,
  async fn() {
    const warned = Promise.withResolvers<string>();
    let warnings = 0;
    const env = { get: (name: string) => name === "NOTIFY_SOCKET" ? "/nonexistent/notify" : undefined };
    const systemd = connectSystemd(env, () => true, (message) => {
      warnings++;
      warned.resolve(message);
    })!;
    systemd.ready("up");
    systemd.status("still up");
    assert.match(await warned.promise, /^Cannot notify systemd at \/nonexistent\/notify: .*Type=exec/);
    await systemd.close();
    assert.equal(warnings, 1);
  },
});
