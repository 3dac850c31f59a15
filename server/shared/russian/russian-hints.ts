// What the companion advises, in Russian; see russian-errors.ts.
import type { Phrase } from "./phrases.ts";

/** Advice is put together of these, one after the other. */
export const HINTS_IN_RUSSIAN: readonly Phrase[] = [
  ["What had arrived is kept.", "Что успело прийти, сохранено."],
  ["Choose a real model first.", "Сначала выберите настоящую модель."],
  ["Nothing was stored.", "Ничего не сохранено."],
  ["Everything shown so far is saved.", "Всё показанное сохранено."],
  ["Check the disk, then try again.", "Проверьте диск и повторите."],
  ["Nothing was changed.", "Ничего не изменено."],
  ["Nothing was lost.", "Ничего не потеряно."],
  ["Nothing is saved or shown any more.", "Больше ничего не сохраняется и не показывается."],
  ["Retry.", "Ответьте заново."],
  ["Continue or retry.", "Продолжите или ответьте заново."],
  ["The log has the details.", "Подробности в журнале."],
  [
    "Ask for a shorter answer, or choose another model.",
    "Попросите ответ покороче или выберите другую модель.",
  ],
  [
    "What it did is kept. Look at it, then send a message to go on.",
    "Сделанное сохранено. Посмотрите на него и отправьте сообщение, чтобы продолжить.",
  ],
  ["Choose another agent, then send again.", "Выберите другого агента и отправьте снова."],
  ["Go on with the chat.", "Продолжайте беседу."],
  [
    "Pages of this machine and of private networks are not fetched. If this one shall be, name its host in streamkeeper.tools.privateHosts (--private-hosts).",
    "Страницы этой машины и частных сетей не загружаются. Если эту можно, назовите её узел в streamkeeper.tools.privateHosts (--private-hosts).",
  ],
  ["Only http and https are fetched.", "Загружаются только http и https."],
  [
    "Only 80, 443, 8080 and 8443 are fetched, and any of hosts in streamkeeper.tools.privateHosts (--private-hosts).",
    "Загружаются только 80, 443, 8080 и 8443, а у узлов из streamkeeper.tools.privateHosts (--private-hosts) — любой.",
  ],
  [
    "A picture or a PDF can be saved and attached to the message.",
    "Картинку или PDF можно сохранить и приложить к сообщению.",
  ],
  ["Try again later.", "Повторите позже."],
  ["Fetch that address, if it is meant.", "Загрузите тот адрес, если нужен он."],
  [
    "Check the address and the network. A proxy is not used.",
    "Проверьте адрес и сеть. Прокси не используется.",
  ],
  [
    "Wait for its end or stop it, then try again.",
    "Дождитесь конца или остановите его и повторите.",
  ],
  [
    "Wait for its end or stop it, then send again.",
    "Дождитесь конца или остановите его и отправьте снова.",
  ],
  ["Look at the queue as it is now.", "Посмотрите на очередь, какая она есть."],
  ["Use a new request_id for a new message.", "Отправьте его как новое."],
  ["The call still waits for your decision.", "Вызов всё ещё ждёт вашего решения."],
  ["The plan still waits for your decision.", "План всё ещё ждёт вашего решения."],
  ["Its result will appear in the session's stream.", "Его результат появится в чате."],
  [
    "Send less text, or start the companion with a larger --body-limit.",
    "Отправьте меньше текста или запустите сервер с большим --body-limit.",
  ],
  [
    "Close some windows or tabs that show this session.",
    "Закройте несколько окон или вкладок с этим чатом.",
  ],
  [
    "Wait for some answers to end, then send again.",
    "Дождитесь конца нескольких ответов и отправьте снова.",
  ],
  ["Send it again in a moment.", "Отправьте снова через мгновение."],
  ["The chat goes on when the database is back.", "Чат продолжится, когда база вернётся."],
  ["Free some space; the chat goes on by itself.", "Освободите место: чат продолжится сам."],
  [
    "The chat goes on when there is a server that can be written.",
    "Чат продолжится, когда найдётся сервер, в который можно записать.",
  ],
  ["Make the database writable again.", "Верните право записи в базу."],
  [
    "Its log says what is wrong; then try again.",
    "Что случилось, сказано в её журнале; потом повторите.",
  ],
  [
    "Check the name, the user, the password and the rights of --database.",
    "Проверьте имя, пользователя, пароль и права в --database.",
  ],
  [
    "Close the program that holds it, then try again.",
    "Закройте программу, которая её держит, и повторите.",
  ],
  ["Try again in a moment.", "Повторите через мгновение."],
  [
    "Do not delete it. Restart the companion: the file is checked and, if it cannot be read, set aside; see docs/troubleshooting.md.",
    "Не удаляйте его. Перезапустите сервер: файл будет проверен и, если он не читается, отложен; см. docs/troubleshooting.md.",
  ],
  [
    "Put the file back if you have it, or a backup, and restart the companion.",
    "Верните файл, если он есть, или копию и перезапустите сервер.",
  ],
  [
    "All that was shown is kept in {0}; restart the companion, which puts it back.",
    "Всё показанное лежит в {0}; перезапустите сервер, он вернёт его на место.",
  ],
  [
    "The database that was copied over ours is kept in {0}; restart the companion, which goes on with it and sets aside what is left of ours.",
    "База, скопированная поверх нашей, лежит в {0}; перезапустите сервер: он продолжит с ней, а остаток нашей отложит.",
  ],
  [
    "Sending the same message again is safe: it takes effect once.",
    "То же сообщение можно отправить ещё раз: подействует оно однажды.",
  ],
  [
    "What was shown is saved. Reload the session to go on.",
    "Показанное сохранено. Откройте чат заново, чтобы продолжить.",
  ],
  [
    "A model is written provider/name; the providers are {0}. For example ollama/qwen3.",
    "Модель пишется как поставщик/имя; поставщики: {0}. Например, ollama/qwen3.",
  ],
  ["The providers are {0}.", "Поставщики: {0}."],
  ["It wants a key.", "Ему нужен ключ."],
  ["The key is wrong or may not do this.", "Ключ неверен или этого не позволяет."],
  [
    'In VS Code run "Streamkeeper: Set API key"; in a terminal set {0} and start the companion again.',
    "В VS Code выполните «Streamkeeper: Задать ключ API»; в терминале задайте {0} и запустите сервер снова.",
  ],
  [
    'In VS Code run "Streamkeeper: Set API key".',
    "В VS Code выполните «Streamkeeper: Задать ключ API».",
  ],
  [
    "Wait a moment and retry, or choose another model.",
    "Подождите и ответьте заново или выберите другую модель.",
  ],
  [
    "Wait {0} s and retry, or choose another model.",
    "Подождите {0} с и ответьте заново или выберите другую модель.",
  ],
  [
    "The fault is at the model's server. Retry in a moment, or choose another model.",
    "Неисправность на сервере модели. Ответьте заново чуть позже или выберите другую модель.",
  ],
  [
    "Requests do not follow redirects, since they carry your key. Set the base URL to the final address.",
    "Запросы не идут по перенаправлениям: с ними ваш ключ. Задайте конечный адрес как базовый.",
  ],
  [
    "The conversation is too large for this model. Start a new chat or send less context.",
    "Беседа слишком велика для этой модели. Начните новый чат или отправьте меньше контекста.",
  ],
  [
    "The provider's filter refused it. Say it in other words, or choose another model.",
    "Это не пропустил фильтр поставщика. Скажите иначе или выберите другую модель.",
  ],
  [
    "The account has nothing left. Look at its plan and billing, or choose another model.",
    "На счёте ничего не осталось. Посмотрите на тариф и оплату или выберите другую модель.",
  ],
  ["Is the model's name right?", "Верно ли имя модели?"],
  [
    "Another model may accept it, or a new chat with less context.",
    "Возможно, подойдёт другая модель или новый чат с меньшим контекстом.",
  ],
  [
    "The model ended without a word. Retry, or choose another model.",
    "Модель кончила, не сказав ни слова. Ответьте заново или выберите другую модель.",
  ],
  [
    "The model ended after its thinking, which is kept. Retry, or choose another model.",
    "Модель только размышляла, это сохранено. Ответьте заново или выберите другую модель.",
  ],
  ["Is there a network?", "Есть ли сеть?"],
  ["Start that server.", "Запустите этот сервер."],
  [
    "Its certificate is not trusted here. NODE_EXTRA_CA_CERTS names a file with your own authority.",
    "Его сертификату здесь не доверяют. NODE_EXTRA_CA_CERTS указывает файл с вашим центром сертификации.",
  ],
  [
    "If this model is slow on this machine, raise the stall timeout in the settings.",
    "Если модель на этой машине медленная, увеличьте время ожидания в настройках.",
  ],
  [
    "If it stays so, {0} may not be the address of this vendor's API.",
    "Если не поможет, {0}, возможно, не адрес API этого поставщика.",
  ],
  [
    "Look at the base URL, {0} (VS Code's settings, or {1} in a terminal).",
    "Проверьте базовый адрес {0} (настройки VS Code или {1} в терминале).",
  ],
  [
    "Look at the base URL, {0} (VS Code's settings).",
    "Проверьте базовый адрес {0} (настройки VS Code).",
  ],
  [
    "Choose a model that does, or send without what is attached.",
    "Выберите другую модель или отправьте без вложений.",
  ],
  ["Begin another chat.", "Начните другой чат."],
  [
    "PNG, JPEG, GIF, WebP and PDF can be attached; a text file goes as context.",
    "Приложить можно PNG, JPEG, GIF, WebP и PDF; текстовый файл идёт как контекст.",
  ],
  ["Make the picture smaller, or attach less at once.", "Уменьшите картинку или приложите меньше."],
];
