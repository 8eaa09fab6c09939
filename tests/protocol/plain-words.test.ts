import { describe, expect, it } from "vitest";
import type { AuthorizationDetail } from "#protocol/authorization-details.ts";
import { breach } from "#protocol/breach.ts";
import { unclear } from "#protocol/plain-words.ts";
import { DETAILS } from "./support/customer.ts";

describe("a vendor's words", () => {
  it.each([
    ["Libreria Aldina s.r.l."],
    ["Müller & Söhne GmbH, 2. Stock (c/o Café Ünal)"],
    ["Ștefan cel Mare, magazin"],
    ["ООО «Ромашка» LLC"],
    ["Ελληνικά Ταχυδρομεία"],
    ["楽天グループ株式会社 Rakuten"],
    ["東京Amazonストアー"],
    ["삼성전자 Samsung"],
    ["हिन्दी पुस्तक"],
    ["ร้านหนังสือ"],
    ["ספרים בע״מ"],
    ["Nguyễn Văn Đức"],
    ["privacy@aldina.example"],
    ["Pour vous écrire : 2 × par an"],
    ["50 % off 🎉"],
  ])("are taken as they are: %s", (text) => {
    expect(unclear(text)).toBeUndefined();
  });

  it.each([
    ["a Cyrillic a among Latin letters", "P\u0430yPal"],
    ["a Greek o among Latin letters", "B\u03bfoking"],
    ["a Cherokee letter", "\u13aarea"],
    ["a direction override", "Bank\u202eknab"],
    ["no width", "Ba\u200bnk"],
    ["tags", "Bank\u{e0041}\u{e0042}"],
    ["a variation selector", "Bank\ufe0f"],
    ["a filler", "\u3164"],
    ["a blank pattern", "A \u2800\u2800 B"],
    ["spaces alone", "   "],
    ["a space in front", " Bank"],
    ["a heap of marks", `Bank${"\u0301\u0316".repeat(10)}`.normalize("NFC")],
    ["another form of é", "Cafe\u0301"],
    ["private use", "Bank\ue000"],
    ["punctuation alone", "…"],
  ])("are refused with %s", (_name, text) => {
    expect(unclear(text)).toBeDefined();
  });

  it("are looked at wherever a request holds any", () => {
    const at = (change: Partial<AuthorizationDetail>) =>
      breach([{ ...(DETAILS[0] as AuthorizationDetail), ...change }], Date.parse("2026-11-21T10:15:00Z"))?.pointer;
    expect(at({ explanation: { en: "To write to you." }, recipients: ["Print House"] })).toBeUndefined();
    expect(at({ explanation: { en: "To write to you.", it: "P\u0430r scriverti." } })).toBe("/0/explanation/it");
    expect(at({ recipients: ["Print House", "P\u0430yPal"] })).toBe("/0/recipients/1");
  });
});
