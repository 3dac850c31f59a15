// What the companion says, in Russian, by its codes: the compiler asks for each of them. {0}, {1} …
// are what is put in, as it is: names, numbers, a vendor's own words. Loaded only where it is read;
// a text that is not here is told in general, with the original.
import type { ErrorCode } from "../../protocol/errors.ts";
import type { Words } from "./phrases.ts";
import { STORAGE_IN_RUSSIAN } from "./russian-storage.ts";

export const IN_RUSSIAN: Record<ErrorCode, Words> = {
  invalid_request: {
    general: "Сервер не понял запрос.",
    phrases: [
      ["There is no agent {0} any more.", "Агента {0} больше нет."],
      [
        "The demo answers from a script and cannot summarise.",
        "Демонстрация отвечает по сценарию и излагать не умеет.",
      ],
      [
        "There is nothing to summarise: all but the newest question is summarised already.",
        "Излагать нечего: всё, кроме последнего вопроса, уже изложено.",
      ],
      ["There is no provider {0}.", "Поставщика моделей {0} нет."],
      ["{0}: the base URL is not a URL.", "{0}: базовый адрес — не адрес."],
      ["agent_type: there is no agent called {0}.", "Агента {0} нет."],
      ["agent_type: there is no such agent.", "Такого агента нет."],
      ["message.remember: {0}", "Такого правила создать нельзя: {0}"],
      ["message.modified_arguments: there is no such agent.", "Такого агента нет."],
      ["message.modified_arguments: {0}", "Изменённые аргументы не подходят: {0}"],
      [
        "message.resume_plan_id: no plan of this session that was interrupted.",
        "В этом чате нет такого прерванного плана.",
      ],
      ["message.replaces_turn_id: no turn of this session.", "Этого сообщения в чате уже нет."],
      ["The model {0} takes no pictures.", "Модель {0} не принимает картинок."],
      ["The model {0} takes no PDF files.", "Модель {0} не принимает файлов PDF."],
      [
        "{0} is no picture and no PDF that a model takes.",
        "{0}: не картинка и не PDF, которые принимают модели.",
      ],
    ],
  },
  unauthorized: {
    general: "Сервер не признал эту страницу.",
    phrases: [["A valid token is needed.", "Нужен действующий токен."]],
  },
  forbidden: { general: "Сервер этого не разрешает." },
  not_found: {
    general: "Этого нет.",
    phrases: [
      ["There is no session with this id.", "Такого чата нет."],
      ["This session was deleted.", "Этот чат удалён."],
      ["There is no such summary.", "Такого изложения нет."],
      ["There is no such call in this session.", "Такого вызова в этом чате нет."],
      ["The turn of this call is not there any more.", "Сообщения с этим вызовом больше нет."],
      ["There is nothing at this address.", "По этому адресу ничего нет."],
    ],
  },
  method_not_allowed: { general: "Так к этому адресу обращаться нельзя." },
  session_busy: {
    general: "В этом чате уже пишется ответ.",
    phrases: [
      ["This session is answering a message.", "В этом чате уже пишется ответ."],
      [
        "An answer is being written here, or waits for you: another version cannot be chosen now.",
        "Здесь пишется ответ, или он ждёт вас: сейчас другую версию выбрать нельзя.",
      ],
      ["This session is answering another message ({0}).", "В этом чате уже пишется другой ответ."],
    ],
  },
  request_conflict: {
    general: "Такое сообщение уже было.",
    phrases: [
      [
        "This request_id was used before, for another message. Nothing was stored.",
        "Под этим номером уже было другое сообщение. Ничего не сохранено.",
      ],
    ],
  },
  queue_changed: {
    general: "Это сообщение тем временем изменилось.",
    phrases: [
      ["This message was changed elsewhere.", "Это сообщение изменили в другом месте."],
      ["This message was sent already.", "Это сообщение уже отправлено."],
      ["This message was taken back.", "Это сообщение убрали из очереди."],
    ],
  },
  queue_full: {
    general: "Очередь этого чата полна.",
    phrases: [["{0} messages wait in this chat already.", "В этом чате уже ждут сообщения: {0}."]],
  },
  version_changed: {
    general: "Чат показывает уже другую версию этого сообщения.",
    phrases: [
      [
        "This chat shows another version of that message by now. Nothing was stored.",
        "Чат показывает уже другую версию этого сообщения. Ничего не сохранено.",
      ],
    ],
  },
  not_waiting: {
    general: "Этот вызов ничего уже не ждёт.",
    phrases: [
      [
        "This call waits for a decision, not for a result.",
        "Этот вызов ждёт решения, а не результата.",
      ],
      ["This call waits for no result.", "Этот вызов не ждёт результата."],
    ],
  },
  call_claimed: {
    general: "Этот вызов выполняет другое окно.",
    phrases: [["Another client runs this call.", "Этот вызов выполняет другое окно."]],
  },
  payload_too_large: {
    general: "Сообщение слишком велико.",
    phrases: [
      ["The body is larger than {0} bytes.", "Сообщение больше {0} байт."],
      [
        "{0} is larger than {1} MB, more than models take.",
        "{0} больше {1} МБ: модели столько не принимают.",
      ],
      [
        "A chat holds {0} MB of attachments at most.",
        "В чат помещается не больше {0} МБ вложений.",
      ],
    ],
  },
  unsupported_media_type: { general: "Сервер не понял вид запроса." },
  rate_limited: {
    general: "Слишком много всего сразу.",
    phrases: [["Too many streams are open.", "Открыто слишком много чатов сразу."]],
  },
  draining: {
    general: "Сервер завершает работу.",
    phrases: [
      [
        "This companion is shutting down and takes no new messages.",
        "Сервер завершает работу и новых сообщений не принимает.",
      ],
    ],
  },
  ...STORAGE_IN_RUSSIAN,
  lease_lost: {
    general: "Этот чат ведёт другой сервер.",
    phrases: [
      ["Another companion took this session over.", "Этот чат взял на себя другой сервер."],
      ["Another companion has taken over this session.", "Этот чат взял на себя другой сервер."],
      [
        "This turn was already ended by another companion.",
        "Этот ответ уже завершил другой сервер.",
      ],
    ],
  },
  internal: {
    general: "На сервере что-то пошло не так.",
    phrases: [["Something went wrong inside the companion.", "На сервере что-то пошло не так."]],
  },
  model_unknown: {
    general: "Такой модели нет.",
    phrases: [["There is no model {0}.", "Модели {0} нет."]],
  },
  key_missing: {
    general: "Нужен ключ.",
    phrases: [["{0} needs an API key.", "{0}: нужен ключ API."]],
  },
  upstream_unauthorized: {
    general: "Ключ не приняли.",
    phrases: [
      ["{0} refused the key ({1}).", "{0}: ключ не принят ({1})."],
      ["{0} refused the key ({1}): {2}", "{0}: ключ не принят ({1}): {2}"],
    ],
  },
  upstream_rate_limited: {
    general: "Запросов к модели слишком много.",
    phrases: [
      ["{0} gets too many requests ({1}).", "{0}: слишком много запросов ({1})."],
      ["{0} gets too many requests ({1}): {2}", "{0}: слишком много запросов ({1}): {2}"],
    ],
  },
  upstream_rejected: {
    general: "Сервер модели отклонил запрос.",
    phrases: [
      ["{0} refused the request ({1}).", "{0}: запрос отклонён ({1})."],
      ["{0} refused the request ({1}): {2}", "{0}: запрос отклонён ({1}): {2}"],
      ["{0} sent the request elsewhere ({1}).", "{0}: запрос перенаправлен ({1})."],
      ["{0} sent the request elsewhere ({1}): {2}", "{0}: запрос перенаправлен ({1}): {2}"],
    ],
  },
  upstream_failed: {
    general: "На сервере модели ошибка.",
    phrases: [
      ["{0} failed ({1}).", "{0}: ошибка ({1})."],
      ["{0} failed ({1}): {2}", "{0}: ошибка ({1}): {2}"],
      ["{0} is overloaded ({1}).", "{0}: перегрузка ({1})."],
      ["{0} is overloaded ({1}): {2}", "{0}: перегрузка ({1}): {2}"],
      ["{0} gave an empty answer.", "{0}: пустой ответ."],
      ["{0} thought, but gave no answer.", "{0}: есть размышления, но нет ответа."],
    ],
  },
  upstream_unreachable: {
    general: "Сервер модели недоступен.",
    phrases: [
      [
        "{0} is not reachable: no address is known for {1}.",
        "{0}: нет связи, адрес {1} неизвестен.",
      ],
      [
        "{0} is not reachable: nothing listens at {1}.",
        "{0}: нет связи, по адресу {1} никто не отвечает.",
      ],
      [
        "{0} is not reachable: the secure connection to {1} failed ({2}).",
        "{0}: нет связи, защищённое соединение с {1} не удалось ({2}).",
      ],
      [
        "{0} is not reachable: {1} closed the connection or did not take it.",
        "{0}: нет связи, {1} закрыл соединение или не принял его.",
      ],
    ],
  },
  upstream_timeout: {
    general: "Модель не отвечает.",
    phrases: [
      [
        "{0} did not begin to answer: nothing came for {1} s.",
        "{0}: ответ не начался, {1} с ничего не приходило.",
      ],
      [
        "{0} stopped in the middle of the answer: nothing came for {1} s.",
        "{0}: ответ остановился на середине, {1} с ничего не приходило.",
      ],
    ],
  },
  upstream_cut: {
    general: "Ответ оборвался.",
    phrases: [
      ["{0} broke off in the middle of the answer.", "{0}: ответ оборвался на середине."],
      [
        "The thread that read this answer from the model has ended.",
        "Поток, который читал этот ответ модели, завершился.",
      ],
      [
        "{0} broke off in the middle of the answer and said: {1}.",
        "{0}: ответ оборвался на середине со словами: {1}.",
      ],
      [
        "{0} does not give the rest of the answer any more. {1}",
        "{0}: остаток ответа больше не отдаётся. {1}",
        true,
      ],
      [
        "It was asked of another address than the present one.",
        "Ответ запрошен по другому адресу, не по нынешнему.",
      ],
    ],
  },
  upstream_malformed: {
    general: "Ответ модели не разобрать.",
    phrases: [
      ["{0} sent something unreadable: {1}.", "{0}: ответ не разобрать ({1})."],
      ["The model gave no summary.", "Модель ничего не изложила."],
      [
        "The vendor gave another answer than the one begun.",
        "Поставщик отдал другой ответ, не тот, что был начат.",
      ],
    ],
  },
  upstream_too_long: {
    general: "Ответ слишком длинный.",
    phrases: [
      [
        "{0} did not stop: the answer was ended at {1} characters.",
        "{0}: ответ не кончался и был прерван на {1} знаках.",
      ],
    ],
  },
  step_limit: {
    general: "Модель слишком долго не приходит к концу.",
    phrases: [
      [
        "The model has answered {0} times in this turn without coming to an end.",
        "Модель ответила {0} раз подряд и не пришла к концу.",
      ],
    ],
  },
  page_refused: {
    general: "Эта страница не загружается.",
    phrases: [
      ["{0} is not on the public internet.", "{0} — не в открытом интернете."],
      ["{0} is no address of a web page.", "{0} — не адрес веб-страницы."],
      ["An address with a password in it is not fetched.", "Адрес с паролем в нём не загружается."],
      ["Port {0} of {1} is not one of web pages.", "Порт {0} ({1}) — не порт веб-страниц."],
    ],
  },
  page_failed: {
    general: "Страницу не удалось загрузить.",
    phrases: [
      ["{0} could not be reached ({1}).", "{0} не удалось достичь ({1})."],
      ["{0} could not be reached.", "{0} не удалось достичь."],
      ["{0} took longer than 20 seconds.", "{0}: дольше 20 секунд."],
      ["{0} answered with status {1}.", "{0} ответил со статусом {1}."],
      ["{0}: what stands there is no text ({1}).", "{0}: там не текст ({1})."],
      ["{0} broke off before all had come.", "{0}: оборвалось раньше, чем пришло всё."],
      ["{0} leads to another host: {1}", "{0} ведёт на другой узел: {1}"],
      [
        "{0} leads on and on: more than 5 redirects.",
        "{0} перенаправляет без конца: больше 5 раз.",
      ],
      [
        "{0} sends what cannot be unpacked here ({1}).",
        "{0} шлёт то, что здесь не распаковать ({1}).",
      ],
    ],
  },
  cancelled: {
    general: "Остановлено.",
    phrases: [
      ["Stopped. What had arrived is kept.", "Остановлено. Что успело прийти, сохранено."],
      [
        "A new message took over; the waiting calls were closed.",
        "Пришло новое сообщение; ждавшие вызовы закрыты.",
      ],
    ],
  },
  server_stopped: {
    general: "Сервер остановили посреди ответа.",
    phrases: [
      [
        "The companion was stopped in the middle of the answer. What had arrived is kept.",
        "Сервер остановили посреди ответа. Что успело прийти, сохранено.",
      ],
    ],
  },
  server_restarted: {
    general: "Сервер пропал посреди ответа.",
    phrases: [
      [
        "The companion went away in the middle of the answer. What had arrived is kept.",
        "Сервер пропал посреди ответа. Что успело прийти, сохранено.",
      ],
      [
        "The companion went away in the middle of the answer, and could not go on with it. {0} What had arrived is kept.",
        "Сервер пропал посреди ответа и не смог его продолжить. {0} Что успело прийти, сохранено.",
        true,
      ],
    ],
  },
};
