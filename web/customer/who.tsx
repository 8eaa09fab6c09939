import type { Client } from "#protocol/api.ts";
import { words } from "../locales/words.ts";
import { countryName } from "../parts/countries.ts";
import { day } from "../parts/dates.ts";
import { Heading } from "../parts/heading.tsx";
import { Notice } from "../parts/notice.tsx";
import { Rosette } from "../parts/rosette.tsx";
import { isLoopback } from "./domain.ts";

/** Who asks (C1). Says only what was checked: that the domain's own address served the document. */
export function Who({ client, mark, title }: { client: Client; mark: Uint8Array; title: string }) {
  const { tag, ask: t } = words();
  const unverified = isLoopback(client.domain);
  return (
    <section data-rule="C1">
      {unverified && (
        <div class="group">
          <Notice tone="brass" title={t.loopbackTitle} rule="C1-unverified">
            <p>{t.loopbackText}</p>
          </Notice>
        </div>
      )}
      <div class="who">
        <Rosette bytes={mark} />
        <div>
          <Heading>{title}</Heading>
          <p class="sub">
            {client.legal_name}, {t.from(countryName(tag, client.country))}
          </p>
          <p class="sub">
            <strong>{client.domain}</strong>
            {!unverified && <span> · {t.verified}</span>} · {t.since(day(tag, client.since))}
          </p>
        </div>
      </div>
      <details>
        <summary>{t.checked}</summary>
        <p class="note">{unverified ? t.loopbackText : t.checkedText}</p>
        <dl class="facts">
          <dt>{t.checkedAddress}</dt>
          <dd>
            <code>{client.client_id}</code>
          </dd>
          <dt>{t.checkedDocument}</dt>
          <dd>
            <code>{client.document}</code>
          </dd>
        </dl>
      </details>
    </section>
  );
}
