/* "FAIL  details table t: what was found - the remedy". */
#include "server/doctor/report.h"

#include "lib/json/json_write.h"

static const char *const words[] = {
    [VERDICT_OK] = "ok", [VERDICT_WARN] = "warn", [VERDICT_FAIL] = "FAIL"};

static void as_text(const struct finding *f, struct buf *out)
{
    buf_addf(out, "%-5s %s%s%s: %s%s%s", words[f->verdict], f->check, *f->subject ? " " : "",
             f->subject, f->found, *f->remedy ? " - " : "", f->remedy);
}

static void as_json(const struct finding *f, struct buf *out)
{
    struct json_writer w;
    jw_init(&w, out);
    jw_object(&w, NULL);
    jw_str(&w, "result", words[f->verdict]);
    jw_str(&w, "check", f->check);
    jw_str(&w, "subject", f->subject);
    jw_str(&w, "found", f->found);
    jw_str(&w, "remedy", f->remedy);
    jw_end_object(&w);
}

void report_add(struct report *r, const struct finding *f)
{
    struct buf line;
    buf_init(&line, BUF_MAX_LINE);
    if (r->json)
        as_json(f, &line);
    else
        as_text(f, &line);
    buf_addc(&line, '\n');
    bool written = !buf_check(&line, NULL) && fputs(buf_str(&line), r->out) >= 0 && !fflush(r->out);
    r->failed = r->failed || !written || f->verdict == VERDICT_FAIL;
    buf_free(&line);
}
