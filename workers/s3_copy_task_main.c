/* s3-copy-task: the program in the container of every task. */
#include "lib/http_client/http_client.h"
#include "workers/copy/task.h"

int main(void)
{
    http_limit_names();
    return task_main();
}
