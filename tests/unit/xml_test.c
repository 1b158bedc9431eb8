/* lib/aws/xml: S3's answers, and texts that are none. */
#include "lib/aws/xml.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

Test(xml, texts_by_path)
{
    static const char text[] =
        " \n<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- no --><Error xmlns='a>b'>"
        "<Code>NoSuchKey</Code><Message>a &lt;b&gt; &amp;amp; &#228;&#x20AC;&#x1F600;</Message>"
        "<Empty/><Deep><Code>inner</Code></Deep><Raw><![CDATA[<&]]>!</Raw></Error>\n";
    static const struct {
        const char *path, *expected;
    } cases[] = {{"Code", "NoSuchKey"},
                 {"Message", "a <b> &amp; \xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"},
                 {"Empty", ""},
                 {"Deep/Code", "inner"},
                 {"Raw", "<&!"},
                 {"None", ""},
                 {"Deep/None/Further", ""}};
    struct error err = {0};
    struct xml_node root;
    struct buf out;
    buf_init(&out, 256);
    cr_assert_eq(xml_root(text, strlen(text), &root, &err), 0, "%s", err.message);
    cr_assert(xml_is(&root, "Error"));
    cr_assert_not(xml_is(&root, "Err"));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buf_reset(&out);
        cr_assert_eq(xml_find_text(&root, cases[i].path, &out, &err), 0);
        cr_assert_str_eq(buf_str(&out), cases[i].expected);
    }
    buf_free(&out);
}

Test(xml, children_one_by_one)
{
    static const char text[] = "<L><C><K>1</K></C><X/><C><K>2</K></C></L>";
    struct xml_node root, child;
    struct buf out;
    size_t at = 0;
    int count = 0;
    buf_init(&out, 16);
    cr_assert_eq(xml_root(text, strlen(text), &root, NULL), 0);
    while (xml_next(&root, &at, &child, NULL) == 1) {
        count++;
        if (xml_is(&child, "C"))
            cr_assert_eq(xml_find_text(&child, "K", &out, NULL), 0);
    }
    cr_assert_eq(count, 3);
    cr_assert_str_eq(buf_str(&out), "12");
    buf_free(&out);
}

Test(xml, malformed_documents_are_refused)
{
    static const char *const bad[] = {"",
                                      "text",
                                      "<a>",
                                      "<a></b>",
                                      "<a><b></a></b>",
                                      "<a",
                                      "</a>",
                                      "<a/><b/>",
                                      "x<a/>",
                                      "<a/>x",
                                      "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
                                      "<a><!-- </a>",
                                      "<a b=\"></a>",
                                      "<>",
                                      "< a/>",
                                      "<a><![CDATA[</a>",
                                      "<html><body>Bad Gateway"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct error err = {0};
        struct xml_node root;
        cr_assert_eq(xml_root(bad[i], strlen(bad[i]), &root, &err), -1, "%s", bad[i]);
        cr_assert_eq(err.code, ERR_SYNTAX);
    }
}

Test(xml, texts_that_cannot_be_decoded)
{
    static const char *const bad[] = {
        "<a>&x;</a>",   "<a>&amp</a>",     "<a>&#;</a>",        "<a>&#x;</a>",
        "<a>&#0;</a>",  "<a>&#xD800;</a>", "<a>&#x110000;</a>", "<a>&#99999999999;</a>",
        "<a>&#1f;</a>", "<a><b/></a>"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct error err = {0};
        struct xml_node root;
        struct buf out;
        buf_init(&out, 64);
        cr_assert_eq(xml_root(bad[i], strlen(bad[i]), &root, NULL), 0, "%s", bad[i]);
        cr_assert_eq(xml_text(&root, &out, &err), -1, "%s", bad[i]);
        cr_assert_eq(err.code, ERR_SYNTAX);
        buf_free(&out);
    }
}

Test(xml, nesting_is_bounded)
{
    char text[1024] = "";
    size_t len = 0;
    struct xml_node root;
    for (int i = 0; i < XML_DEPTH_MAX + 1; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "<a>");
    for (int i = 0; i < XML_DEPTH_MAX + 1; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "</a>");
    cr_assert_eq(xml_root(text, len, &root, NULL), -1);
    cr_assert_eq(xml_root(text + 3, len - 7, &root, NULL), 0);
}

Test(xml, escaping_survives_reading)
{
    static const char nasty[] = "a<b>&\"c'\td\x01\x7f\xc3\xa4";
    struct xml_node root;
    struct buf doc, back;
    buf_init(&doc, 256);
    buf_init(&back, 256);
    buf_adds(&doc, "<K>");
    xml_escape(&doc, nasty);
    buf_adds(&doc, "</K>");
    cr_assert_eq(xml_root(doc.data, doc.len, &root, NULL), 0);
    cr_assert_eq(xml_text(&root, &back, NULL), 0);
    cr_assert_str_eq(buf_str(&back), nasty);
    buf_free(&doc);
    buf_free(&back);
}
