import assert from "node:assert/strict";
import { BlockList, isIPv6 } from "node:net";
import fc from "fast-check";
import { isPublicAddress } from "../../../server/pages/public-address.ts";

const INSIDE = [
  ..."0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255".split(
    " ",
  ),
  ..."127.0.0.1 127.255.255.254 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.192".split(" "),
  ..."192.0.2.1 192.168.1.1 198.18.0.1 198.19.255.255 203.0.113.9 168.63.129.16".split(" "),
  ..."224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255".split(" "),
  ..."::1 :: fe80::1 fe80::1%eth0 fec0::1 fc00::1 fd00:ec2::254 ff02::1 100::1".split(" "),
  ..."::ffff:127.0.0.1 ::ffff:7f00:1 ::ffff:169.254.169.254 ::ffff:a9fe:a9fe ::127.0.0.1".split(
    " ",
  ),
  ..."0:0:0:0:0:ffff:10.0.0.1 64:ff9b::10.0.0.1 64:ff9b::a9fe:a9fe 64:ff9b:1::1".split(" "),
  ..."2002:7f00:1:: 2001:0:1::1 2001:db8::1 2001::1 3fff::1 5f00::1 4000::1".split(" "),
  ..."localhost 1.2.3 1.2.3.4.5 0x7f.0.0.1 2130706433 :::1 1::2::3".split(" "),
];
const PUBLIC = [
  ..."1.1.1.1 8.8.8.8 93.184.216.34 100.63.255.255 100.128.0.1 172.15.0.1 172.32.0.1".split(" "),
  ..."192.0.1.1 198.17.0.1 198.20.0.1 168.63.129.15 223.255.255.255 169.253.0.1".split(" "),
  ..."2606:4700:4700::1111 2001:4860:4860::8888 2a00:1450:4001::1 3ffe::1".split(" "),
  ..."::ffff:8.8.8.8 ::ffff:808:808 64:ff9b::8.8.8.8 64:ff9b::808:808".split(" "),
];

describe("an address", () => {
  it("is public or not, in each of its spellings", () => {
    assert.deepEqual(INSIDE.filter(isPublicAddress), []);
    assert.deepEqual(
      PUBLIC.filter((one) => !isPublicAddress(one)),
      [],
    );
  });

  it("of version 4 means the same mapped, translated and alone", () =>
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        const alone = isPublicAddress(address);
        const [a = 0, b = 0, c = 0, d = 0] = address.split(".").map(Number);
        const hex = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
        for (const prefix of ["::ffff:", "64:ff9b::"]) {
          assert.equal(isPublicAddress(prefix + address), alone, prefix + address);
          assert.equal(isPublicAddress(prefix + hex), alone, prefix + hex);
        }
      }),
    ));

  it("of version 6 is read as Node reads it, however it is written", () => {
    const given = new BlockList();
    given.addSubnet("2000::", 3, "ipv6");
    const kept = new BlockList();
    for (const [net, bits] of [
      ["2001::", 23],
      ["2001:db8::", 32],
      ["2002::", 16],
      ["3fff::", 20],
    ] as const) {
      kept.addSubnet(net, bits, "ipv6");
    }
    fc.assert(
      fc.property(fc.ipV6(), fc.boolean(), (address, upper) => {
        fc.pre(isIPv6(address) && !/^(?:::ffff:|64:ff9b:|0*:0*:0*:0*:0*:ffff:)/i.test(address));
        const written = upper ? address.toUpperCase() : address;
        const isPublic = given.check(address, "ipv6") && !kept.check(address, "ipv6");
        assert.equal(isPublicAddress(written), isPublic, written);
      }),
      { numRuns: 500 },
    );
  });
});
